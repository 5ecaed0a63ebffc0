"""The part of StackStorm's Python action API that actions see: `Action`, its logger, configuration and datastore."""
import abc
import fcntl
import json
import logging
import os
import time

__all__ = ["Action"]


class Action(abc.ABC):
    """Base class of actions. `run` gets the action's parameters by name; see docs/runners.md for what it may return."""

    description = None

    def __init__(self, config=None, action_service=None):
        self.config = config or {}
        self.action_service = action_service
        self.datastore_service = getattr(action_service, "datastore_service", None)
        self.logger = logging.getLogger("actions.python.%s" % self.__class__.__name__)

    @abc.abstractmethod
    def run(self, **kwargs):
        pass


class ActionService:
    """`self.action_service`. The datastore is one file that all actions of the installation share."""

    def __init__(self, job, class_name):
        self._path = job.get("datastore")
        self._user = job.get("user")
        self._prefix = "%s.%s:" % (job.get("pack", "core"), class_name)

    @property
    def datastore_service(self):
        return self

    def get_user_info(self):
        return {"username": self._user, "rbac": {"enabled": False, "roles": [], "is_admin": True}}

    def list_values(self, local=True, prefix=None, **_):
        wanted = self._name(prefix or "", local)
        return [
            KeyValuePair(name, entry["value"]) for name, entry in sorted(self._read().items()) if name.startswith(wanted)
        ]

    def get_value(self, name, local=True, decrypt=False, **_):
        entry = self._read().get(self._name(name, local))
        return entry["value"] if entry else None

    def set_value(self, name, value, ttl=None, local=True, encrypt=False, **_):
        if encrypt:
            raise NotImplementedError("Linefeed's datastore does not encrypt; store the value without encrypt=True, or keep it elsewhere")
        # A value that JSON cannot hold is refused before the file is written.
        value = json.loads(json.dumps(value))

        def change(entries):
            entries[self._name(name, local)] = {"value": value, "expires": time.time() + ttl if ttl else None}

        self._change(change)
        return True

    def delete_value(self, name, local=True, **_):
        self._change(lambda entries: entries.pop(self._name(name, local), None))
        return True

    def _name(self, name, local):
        return self._prefix + name if local else name

    def _read(self):
        return self._change(None)

    def _change(self, change):
        if not self._path:
            raise RuntimeError("This installation has no datastore")
        folder = os.path.dirname(self._path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.open(self._path + ".lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                with open(self._path, encoding="utf-8") as file:
                    entries = json.load(file)
            except FileNotFoundError:
                entries = {}
            now = time.time()
            entries = {key: entry for key, entry in entries.items() if not entry["expires"] or entry["expires"] > now}
            if change is None:
                return entries
            change(entries)
            temporary = "%s.%d" % (self._path, os.getpid())
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(entries, file)
            os.rename(temporary, self._path)
            return entries


class KeyValuePair:
    def __init__(self, name, value):
        self.name = name
        self.value = value
