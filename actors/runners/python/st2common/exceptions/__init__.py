"""Exceptions that actions import from StackStorm and raise or catch themselves."""

__all__ = ["StackStormBaseException", "StackStormPluginException"]


class StackStormBaseException(Exception):
    pass


class StackStormPluginException(StackStormBaseException):
    pass
