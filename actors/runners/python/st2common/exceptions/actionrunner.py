"""Exceptions of runners, by the names that StackStorm gives them."""
from st2common.exceptions import StackStormPluginException


class ActionRunnerException(StackStormPluginException):
    pass


class ActionRunnerCreateError(ActionRunnerException):
    pass


class ActionRunnerDispatchError(ActionRunnerException):
    pass


class ActionRunnerPreRunError(ActionRunnerException):
    pass
