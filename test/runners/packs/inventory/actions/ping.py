import sys
import time

delay = 0.0
count = 0
for word in sys.argv[1:]:
    if word.startswith("--delay="):
        delay = float(word.split("=", 1)[1])
    else:
        count = int(word)

if __name__ == "__main__":
    for number in range(count):
        print("ping %d" % (number + 1))
        time.sleep(delay)
    sys.exit(0)
