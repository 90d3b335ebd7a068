"""The results as docs/benchmarks.md."""
import datetime
import os
import platform


def machine():
    """What a reader needs to judge the figures; no names of hosts."""
    model, release, memory = "unknown", "unknown", 0
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line for line in file if line.startswith("flags")), "").split()
    with open("/etc/os-release", encoding="utf-8") as file:
        for line in file:
            if line.startswith("PRETTY_NAME="):
                release = line.split("=", 1)[1].strip().strip('"')
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 1048576
    return {"cores": len(os.sched_getaffinity(0)), "model": model, "memory_gib": round(memory), "system": release,
            "kernel": platform.release().split("-")[0], "date": datetime.date.today().isoformat(),
            "sha_instructions": "sha_ni" in flags, "virtual": "hypervisor" in flags}


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write(results):
    parts = [introduction(results), targets(results), cold(results), single_stages(results), memory(results), second(results),
             stages(results), peers(results), how_to_repeat()]
    return "\n".join(part for part in parts if part)


def introduction(results):
    one = results["machine"]
    return """# Benchmarks

Measured on %s: %d cores of %s%s, %s, %d GiB, %s, Linux %s.
Load before and after the run: %.2f and %.2f. MB are 10^6 bytes of uncompressed tar. Blobs were in the page cache.
Written by `./dev bench`; do not edit.
""" % (one["date"], one["cores"], one["model"], " (virtual)" if one["virtual"] else "",
       "with SHA instructions" if one["sha_instructions"] else "without SHA instructions", one["memory_gib"], one["system"],
       one["kernel"], results["load_before"], results["load_after"])


def targets(results):
    words = {True: "met", False: "**missed**", None: "-"}
    return "## Targets\n\n" + table(("what", "measured", "target", ""), [(what, value, target, words[met])
                                                                         for what, value, target, met in results["targets"]])


def cold(results):
    rows = []
    for one in results["cold"]:
        megabytes = one["bytes"]["uncompressed_bytes"] / 1e6
        for name in ("careen", "limit"):
            times = one["times"][name]
            rows.append((one["form"], name, "%.2f" % times["wall"], one["spread"][name], "%.2f" % times["cpu"],
                         "%.2f" % one["cores_used"][name], "%.0f" % (megabytes / times["wall"])))
        rows.append((one["form"], "**ratio**", "**%.2f**" % one["ratio"], "", "%.2f" % one["ratio_cpu"], "", ""))
    first = results["cold"][0]
    size, limit = first["bytes"], first["limit"]
    return """## Cold scan beside the limit

The image `big`: Debian with language run-times and servers, %d layers, %.0f MB uncompressed, %.0f MB gzip, %d files.
The limit program does the unavoidable only: read, digest the blob, inflate, diff ID, the digests of every file that careen keeps;
with the same libraries and threads (%d workers, %d threads a layer, digests: %s). careen starts with an empty cache, writes
it, and keeps its sandboxed worker on. Whole processes, medians of %d rounds by turns, seconds. Where the limit has used far
less than all cores, other work was in the way and the ratio says little.

""" % (size["layers"], size["uncompressed_bytes"] / 1e6, size["compressed_bytes"] / 1e6, size["files"], limit["workers"],
       limit["threads_per_layer"], limit["digests"], first["rounds"]) + table(
           ("layers", "program", "wall", "spread", "CPU", "cores used", "MB/s"), rows)


def single_stages(results):
    rows = []
    for one in results["cold"]:
        rates, needs, judged = one["stages"]["mb_per_second"], one["stages"]["needed_seconds"], one["stages"]
        for stage, rate in rates.items():
            if rate:
                rows.append((one["form"], stage, "%.0f" % rate, "%.2f" % needs[stage] if stage in needs else "not used"))
        rows.append((one["form"], "**sum**", "", "**%.2f**" % judged["needed_sum"]))
        rows.append((one["form"], "on %d cores" % judged["cores"], "", "%.2f" % judged["predicted_wall"]))
        rows.append((one["form"], "limit reaches", "", "%.0f %% (CPU: %.0f %%)" % (100 * judged["reached_wall"], 100 * judged["reached_cpu"])))
    return """## Is the limit honest?

Each library alone in a loop over this image's bytes in memory, one thread, same run; the seconds are what the whole image needs
of it. The limit must reach 80 % of what they add up to. `fused` is several digests of the same bytes in one pass.

""" + table(("layers", "stage", "MB/s", "seconds"), rows)


def memory(results):
    rows = []
    for one in results["memory"]:
        careen, limit = one["careen"], one["limit"]
        rows.append((one["image"], "%.0f" % careen["peaks_mib"], "%.0f" % careen["pss_mib"], "%d (%d at once)" % (careen["processes"], careen["at_once"]), "%.0f" % limit["peaks_mib"],
                     "%.1f" % careen["wall"]))
    return """## Peak memory

PSS is the highest moment of all processes together, with pages that they share counted once: what the machine must have.
Beside it the sum of each one's own peak resident set, which need not coincide and counts shared pages in each: what it can
never exceed. MiB.

""" + table(("image", "sum of peaks", "PSS", "processes", "limit", "seconds"), rows)


def second(results):
    rows = [(one["kind"], one["source"], "%.1f" % one["wall_ms"], "%.1f" % one["worst_ms"], "%.1f" % one["cpu_ms"], one["rounds"]) for one in results["second"]]
    start = results["start_up"]
    return "## Second scan and start-up\n\nWhole process, report as JSON to a file, milliseconds. An archive must be walked to its manifest.\n\n" + table(
        ("source", "image", "median", "worst", "CPU", "n"), rows) + "\n`careen --version`: %.1f ms (CPU %.1f ms, median of %d).\n" % (
            start["wall_ms"], start["cpu_ms"], start["rounds"])


def stages(results):
    one = results["stages"]
    if not one["stages"]:
        return ""
    rows = sorted(one["stages"].items(), key=lambda item: -item[1])
    return "## Where careen's time goes\n\n`careen scan --verbose` on big, gzip; one run of %.2f s wall and %.2f s CPU.\n\n" % (one["wall"], one["cpu"]) + table(
        ("stage", "seconds"), [(name, "%.4f" % seconds) for name, seconds in rows])


def peers(results):
    found = results.get("peers")
    if not found:
        return ""
    rows = [(one["tool"], one["work"], "%.1f" % one["wall"] if one["wall"] else one["note"], "%.1f" % one["cpu"] if one["cpu"] else "",
             "%.0f" % one["peaks_mib"] if one["peaks_mib"] else "") for one in found]
    return """## Beside other tools

The same image in the same run, whole processes, second of two runs. None of them does the same work; the column says what each does.
Vulnerability data are not used: the tools that need a database to say anything are run for their inventory.

""" + table(("tool", "work", "wall s", "CPU s", "peak MiB"), rows)


def how_to_repeat():
    return """## How to repeat

    ./dev bench                 # builds, makes the images in ~/.cache/careen-bench (CAREEN_BENCH_DIR), measures, prints
    ./dev bench --write         # writes this page too
    ./dev bench --quick         # without the 10 GB layer and the 3 million files
    bench/peers.sh && ./dev bench --peers

The images come from the machine's own apt sources, so sizes differ a little with the release's state. The first run makes
them (about 10 minutes and 8 GB). Let nothing else run on the machine: wall times on two cores suffer from any neighbour.
"""
