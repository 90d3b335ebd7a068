# meter.py RESULT SECONDS COMMAND…: runs the command and writes how it ended and what it took to RESULT, as JSON. It is a
# small process of its own because a child inherits the high-water mark of the memory of the process that starts it.
import json
import os
import resource
import signal
import sys
import time


def resident(pid):
    """The resident memory of a process and all below it, in KiB, as far as they can be seen now."""
    total = 0
    try:
        with open(f"/proc/{pid}/statm") as f:
            total = int(f.read().split()[1]) * resource.getpagesize() // 1024
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                total += sum(resident(int(child)) for child in f.read().split())
    except (OSError, IndexError, ValueError):
        pass
    return total


def main(result, seconds, *command):
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            os.execv(command[0], command)
        finally:
            os._exit(127)
    state = {"together": 0, "hung": False}

    def tick(*_):
        state["together"] = max(state["together"], resident(pid))
        if time.monotonic() - start > float(seconds):
            state["hung"] = True
            os.killpg(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.1)
    while True:
        try:
            _, status, usage = os.wait4(pid, 0)
            break
        except InterruptedError:
            continue
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        os.killpg(pid, signal.SIGKILL)
        left_over = True  # a process outlived the command
    except ProcessLookupError:
        left_over = False
    with open(result, "w") as f:
        json.dump({"exit": os.waitstatus_to_exitcode(status), "hung": state["hung"], "left_over": left_over,
                   "largest_kib": usage.ru_maxrss, "together_kib": state["together"],
                   "seconds": time.monotonic() - start}, f)


main(*sys.argv[1:])
