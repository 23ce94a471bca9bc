"""Computer telephony in the words of ECMA-269: model, services, events, the Switch port."""
