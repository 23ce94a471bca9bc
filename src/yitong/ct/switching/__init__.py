"""The switching function of ECMA-269, sans-IO: services and line events in, line and audio orders and events out.

Every switch of ours is this function over a pair of ports: ``Lines`` (SIP dialogs, or simulated ones) and ``Audio`` (media workers,
or a simulation of them).
"""
