"""Runs one Python action: a plain script, or a file with a class derived from StackStorm's `Action`.

The python-script runner passes the path of a JSON file that describes the job. The return value of `run` is written to
the job's `result` file. Needs only the standard library of Python 3.6 or later.
"""
import ast
import importlib.util
import inspect
import json
import logging
import os
import runpy
import sys
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
# The result is part of one event; the server has the same limit.
MAX_RESULT_BYTES = 8 * 1024 * 1024
# StackStorm's exit code for an invalid status.
INVALID_STATUS = 220


def load_job(path):
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    # The file holds secrets.
    os.unlink(path)
    return job


def defines_a_class_to_run(path):
    """True if the file defines a derived class with `run`, or a derived class and no top-level statements. Does not run it."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), filename=path)
    derived = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.bases]
    if any(isinstance(item, ast.FunctionDef) and item.name == "run" for node in derived for item in node.body):
        return True
    return bool(derived) and not any(isinstance(node, (ast.If, ast.Expr)) and not is_docstring(node) for node in tree.body)


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(getattr(node, "value", None), (ast.Constant, getattr(ast, "Str", ast.Constant)))


def set_paths(job):
    folder = os.path.dirname(job["file"])
    wanted = [HERE, folder, os.path.join(folder, "lib")]
    if job.get("packFolder"):
        wanted.append(os.path.join(job["packFolder"], "actions", "lib"))
        wanted.append(os.path.join(job["packFolder"], "lib"))
    if job.get("binFolder"):
        os.environ["PATH"] = os.pathsep.join(filter(None, [job["binFolder"], os.environ.get("PATH")]))
    # Python has put the folder of this file first.
    sys.path[:1] = [path for index, path in enumerate(wanted) if path not in wanted[:index] and os.path.isdir(path)]


def set_up_logging(level):
    logging.addLevelName(25, "AUDIT")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("st2.%(name)s: %(levelname)-8s %(message)s"))
    root = logging.getLogger("actions")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(25 if level == "AUDIT" else getattr(logging, level or "DEBUG", logging.DEBUG))


def load_class(path):
    from st2common.runners.base_action import Action

    name = os.path.splitext(os.path.basename(path))[0].replace("-", "_").replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found = [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, Action) and item is not Action and item.__module__ == name and not inspect.isabstract(item)
    ]
    if not found:
        raise SystemExit("%s has no class derived from Action with a method run" % os.path.basename(path))
    return found[0]


def load_shims():
    """Imports our modules without writing their compiled files into the package; actions may write theirs."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    import st2actions.runners.pythonrunner  # noqa: F401
    import st2common.exceptions.action  # noqa: F401
    import st2common.exceptions.actionrunner  # noqa: F401
    import st2common.log  # noqa: F401

    sys.dont_write_bytecode = before


def make(action_class, config, service):
    try:
        return action_class(config=config, action_service=service)
    except TypeError as error:
        # Classes for older versions of StackStorm take the configuration only.
        if "action_service" not in str(error):
            raise
        instance = action_class(config=config)
        instance.action_service = service
        return instance


def plain(value):
    """Converts a value for JSON; what JSON cannot hold becomes text, as in StackStorm."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and value not in (float("inf"), float("-inf")) else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def leave_result(job, succeeded, value):
    text = json.dumps({"succeeded": succeeded, "result": plain(value)})
    if len(text) > MAX_RESULT_BYTES:
        note = "The return value of run has %d bytes; the limit is %d. Print it instead." % (len(text), MAX_RESULT_BYTES)
        print(note, file=sys.stderr)
        text = json.dumps({"succeeded": succeeded, "result": None, "note": note})
    temporary = job["result"] + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(temporary, job["result"])


def run_class(job):
    from st2common.runners.base_action import ActionService

    action_class = load_class(job["file"])
    service = ActionService(job, action_class.__name__)
    action = make(action_class, job.get("config") or {}, service)
    output = action.run(**job["parameters"])
    succeeded = None
    if isinstance(output, tuple) and len(output) == 2:
        succeeded, output = output
        if succeeded is not None and not isinstance(succeeded, bool):
            note = "run returned a pair that starts with %r; it must start with True (succeeded) or False (failed)\n"
            sys.stderr.write(note % (succeeded,))
            sys.exit(INVALID_STATUS)
    leave_result(job, succeeded, output)


def run_script(job):
    if job.get("argumentsError"):
        raise SystemExit(job["argumentsError"])
    sys.argv = [job["file"]] + [str(item) for item in job.get("arguments") or []]
    runpy.run_path(job["file"], run_name="__main__")


def main():
    job = load_job(sys.argv[1])
    set_paths(job)
    load_shims()
    set_up_logging(job.get("logLevel"))
    try:
        is_class = defines_a_class_to_run(job["file"])
    except SyntaxError:
        traceback.print_exc(limit=0)
        return 1
    try:
        (run_class if is_class else run_script)(job)
    except SystemExit:
        raise
    except BaseException as error:
        # Leave out the frames of this file; they mean nothing to the action's author.
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename.startswith((HERE, "<frozen")) or (
            frames is not None and "runpy" in frames.tb_frame.f_code.co_filename
        ):
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
