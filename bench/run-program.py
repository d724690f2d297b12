"""Runs a program; prints, in JSON, what it printed, how long it took, its CPU time and its peak memory."""

import json
import os
import subprocess
import sys
import time

started = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
printed = child.stdout.read().decode()
_, status, usage = os.wait4(child.pid, 0)
seconds = time.monotonic() - started
if status != 0:
    sys.exit(f"{sys.argv[1]} ended with {status}")
print(
    json.dumps(
        {
            "stdout": printed,
            "seconds": seconds,
            "cpuSeconds": usage.ru_utime + usage.ru_stime,
            "peakBytes": usage.ru_maxrss * 1024,
        }
    )
)
