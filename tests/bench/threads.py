"""The task sheet's way: a thread for each interval, every number tried."""
import sys
import threading

CHUNK = 1_000_000
last = int(sys.argv[1])
results = {}


def work(lo, hi):
    results[lo] = [n for n in range(lo, hi + 1) if n % 11 == 0 and n % 13 == 0 and n % 17 == 0]


threads = [
    threading.Thread(target=work, args=(lo, min(lo + CHUNK - 1, last)))
    for lo in range(1, last + 1, CHUNK)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for lo in sorted(results):
    for number in results[lo]:
        print(number)
