"""Exceptions of actions and their parameters, by the names that StackStorm gives them."""
from st2common.exceptions import StackStormBaseException


class ParameterRenderingFailedException(StackStormBaseException):
    pass


class InvalidActionReferencedException(StackStormBaseException):
    pass


class InvalidActionParameterException(StackStormBaseException):
    pass
