"""`from st2common import log as logging`, as some packs write."""
from logging import *  # noqa: F401,F403
import logging as _logging


def getLogger(name=None):
    return _logging.getLogger("actions.%s" % name if name else "actions")
