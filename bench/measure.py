"""Runs one command and measures the whole process tree: wall time, CPU time, peak memory.

Times come from wait4() and include all children the command waited for. Memory is sampled in a run of its own, because
the sampling takes time from the machine that is being timed.
"""
import os
import statistics
import subprocess
import time


class Failed(Exception):
    """The command ended with an exit code that means it did not do the work."""


def timed(command, accept=(0,), env=None, stdout=subprocess.DEVNULL):
    """One run: {"wall", "cpu", "exit"}; standard error is kept under "stderr"."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env)
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    check(command, process.returncode, accept, stderr)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "exit": process.returncode, "stderr": stderr.decode(errors="replace")}


def check(command, code, accept, stderr):
    if code not in accept:
        raise Failed("%s ended with %d\n%s" % (" ".join(command), code, stderr.decode(errors="replace")[-2000:]))


def children_of(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                found.extend(int(child) for child in file.read().split())
    except OSError:
        pass  # it has ended
    return found


def tree_of(pid):
    todo, seen = [pid], []
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.append(one)
            todo.extend(children_of(one))
    return seen


def field(path, name):
    """KiB of one line of a /proc status file, 0 if the process has ended."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def peak_memory(command, accept=(0,), env=None, stdout=subprocess.DEVNULL, interval=0.01):
    """One run: {"peaks_mib", "pss_mib", "processes", "at_once", "wall", "cpu"}.

    peaks_mib: the highest sum, over the processes alive at one moment, of each one's own peak resident set so far (VmHWM):
    never too small, as pages that processes share count in each and their peaks need not coincide.
    pss_mib: the highest sum at one moment with shared pages counted once.
    """
    start = time.perf_counter()
    with open(os.devnull, "rb") as nothing, open(os.devnull, "wb") as trash:
        process = subprocess.Popen(command, stdout=stdout, stderr=trash, stdin=nothing, env=env)
    total, pss, turn, seen, most = 0, 0, 0, set(), 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        tree = tree_of(process.pid)
        total = max(total, sum(field("/proc/%d/status" % one, "VmHWM") for one in tree))
        seen.update(tree)
        most = max(most, len(tree))
        if turn % 2 == 0:
            pss = max(pss, sum(field("/proc/%d/smaps_rollup" % one, "Pss") for one in tree))
        turn += 1
        time.sleep(interval)
    process.returncode = os.waitstatus_to_exitcode(status)
    check(command, process.returncode, accept, b"")
    # ru_maxrss is the largest single process of the tree; it corrects a last moment that no sample saw.
    total = max(total, usage.ru_maxrss)
    return {"peaks_mib": total / 1024, "pss_mib": pss / 1024, "processes": len(seen), "at_once": most, "wall": time.perf_counter() - start,
            "cpu": usage.ru_utime + usage.ru_stime}


def interleaved(rounds, runs):
    """runs: {name: function() -> measurement}; every round runs each once, so that a disturbance meets all alike."""
    results = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            results[name].append(run())
    return results


def median(measurements, key):
    return statistics.median(one[key] for one in measurements)


def spread(measurements, key):
    values = [one[key] for one in measurements]
    return "%.3f-%.3f" % (min(values), max(values))


def warm(directory):
    """Reads every file below a directory (or the file itself) into the page cache; returns the bytes."""
    total = 0
    paths = [directory] if os.path.isfile(directory) else [
        os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names]
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(1 << 20):
                total += len(chunk)
    return total
