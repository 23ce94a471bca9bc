"""Our own switch: SIP dialogs and media rows joined into ECMA-269 calls."""
