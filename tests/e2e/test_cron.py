"""`fairlead cron next` beside croniter: over the changes of clocks of five zones in ten years (docs/reference/schedules.md)."""

import collections
import datetime
import json
import os
import random
import subprocess
import zoneinfo

import croniter
from harness import binary

SEED = 20261127
COUNT = int(os.environ.get("FAIRLEAD_CRONS", "300"))
# Two of them go to the south of the equator, one changes by half an hour, one at midnight, one has no changes (the sixth).
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Asia/Kathmandu"]
UTC = datetime.timezone.utc
FROM, UNTIL = datetime.datetime(2015, 1, 1, tzinfo=UTC), datetime.datetime(2025, 1, 1, tzinfo=UTC)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()


def changes(zone):
    """The moments at which its clocks change."""
    found, moment = [], FROM
    while moment < UNTIL:
        after = moment + datetime.timedelta(minutes=30)
        if moment.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(after)
        moment = after
    return found


def part(random_, low, high, names):
    def value():
        number = random_.randint(low, high)
        return random_.choice([names[number - low], names[number - low].upper()]) if names and random_.random() < 0.5 else str(number)

    def bounds():
        return sorted(random_.sample(range(low, high + 1), 2))

    form = random_.random()
    if form < 0.35:
        return value()
    if form < 0.55:
        return f"*/{random_.choice([2, 3, 4, 5, 7, 10, 15, 20, 25, 30])}" if high > 30 else f"*/{random_.randint(1, max(high // 2, 2))}"
    if form < 0.75:
        return "{}-{}".format(*bounds())
    if form < 0.82 and high < 31:
        return "{1}-{0}".format(*bounds())  # over the end
    if form < 0.92:
        return "{}-{}/{}".format(*bounds(), random_.randint(1, 6 if high > 6 else 3))
    return f"{random_.randint(low, high)}/{random_.randint(1, 6 if high > 6 else 3)}"


def field(random_, low, high, star, names=None):
    if random_.random() < star:
        return "*"
    return ",".join(part(random_, low, high, names) for _ in range(random_.choice([1, 1, 1, 2, 3])))


def expression(random_):
    if random_.random() < 0.02:
        return random_.choice(["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"])
    # Most clocks change between midnight and four.
    hour = field(random_, 0, 4 if random_.random() < 0.7 else 23, 0.25)
    return " ".join(
        [
            field(random_, 0, 59, 0.15),
            hour,
            field(random_, 1, 31, 0.7),
            field(random_, 1, 12, 0.7, MONTHS),
            field(random_, 0, 6, 0.65, DAYS),
        ]
    )


def theirs(cron, zone, moment, count):
    times = croniter.croniter(cron, moment.astimezone(zone))
    found = (times.get_next(datetime.datetime) for _ in range(count))
    return [f"{one.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for one in found]


def agree(ours, wanted, cron, name, zone):
    """Equal, but for times that come again when clocks go back and that croniter 7.0.0 does not see: it looks for them only if its next
    time has another offset from UTC than now (it has not if that is in the next summer), and where clocks go back by half an hour it
    begins to look too early and gives up at the first time that does not come twice."""
    mine, theirs_ = ([datetime.datetime.fromisoformat(one).astimezone(zone) for one in times] for times in (ours, wanted))
    place = 0
    for one in mine:
        if place == len(theirs_):
            break
        other = theirs_[place]
        if one == other:
            place += 1
            continue
        not_seen = name == "Australia/Lord_Howe" or other.utcoffset() == one.replace(fold=0).utcoffset()
        if not (one.fold and not_seen and croniter.croniter.match(cron, one.replace(tzinfo=None, fold=0))):
            return False
    return len(mine) == len(theirs_)


def ask(tmp_path, cases):
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))
    done = subprocess.run([binary(), "cron", "next", "--cases", str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    return answers


def test_generated_expressions_agree_with_croniter(tmp_path):
    """FAIRLEAD_CRONS=5000 for all. Each expression in each zone: around two changes of its clocks, and at any time."""
    random_ = random.Random(SEED)
    zones = {name: zoneinfo.ZoneInfo(name) for name in ZONES}
    moments = {name: changes(zone) for name, zone in zones.items()}
    assert {name: len(found) for name, found in moments.items()} == {
        "Europe/Berlin": 20, "America/New_York": 20, "Australia/Lord_Howe": 20, "America/Sao_Paulo": 9, "Africa/Cairo": 4,
        "Asia/Kathmandu": 0,
    }  # fmt: skip
    cases, refused = [], 0
    for _ in range(COUNT):
        cron = expression(random_)
        for name in ZONES:
            starts = [FROM + (UNTIL - FROM) * random_.random()]
            for change in random_.sample(moments[name], min(2, len(moments[name]))):
                starts.append(change - datetime.timedelta(minutes=random_.randint(-90, 300)))
            for start in starts:
                start = start.replace(second=random_.choice([0, 0, 30]), microsecond=0)
                cases.append({"cron": cron, "zone": name, "from": f"{start:%Y-%m-%dT%H:%M:%SZ}", "count": 8})
    compared, wrong = 0, collections.defaultdict(list)
    for case, answer in zip(cases, ask(tmp_path, cases)):
        start = datetime.datetime.fromisoformat(case["from"])
        try:
            wanted = theirs(case["cron"], zones[case["zone"]], start, case["count"])
        except croniter.CroniterBadDateError:
            assert "never comes" in answer["error"], case
            refused += 1
            continue
        if "error" in answer:  # what croniter reads in its own way: docs/reference/schedules.md
            assert "takes no step" in answer["error"] or "no range" in answer["error"] or "the step" in answer["error"], (case, answer)
            refused += 1
            continue
        compared += 1
        if not agree(answer["times"], wanted, case["cron"], case["zone"], zones[case["zone"]]):
            wrong[case["cron"], case["zone"]].append((case["from"], answer["times"], wanted))
    shown = "\n".join(f"{key}: {found[0]}" for key, found in list(wrong.items())[:10])
    assert not wrong, f"{sum(map(len, wrong.values()))} of {compared} differ:\n{shown}"
    assert compared > 15 * COUNT * 0.8, (compared, refused)


def test_next_says_local_time_and_utc():
    done = subprocess.run(
        [binary(), "cron", "next", "30 2 * * *", "--zone", "Europe/Berlin", "--from", "2026-03-28T12:00:00Z", "--count", "2"],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.stdout == "  Sun 2026-03-29 03:00 +02:00   2026-03-29T01:00:00Z\n  Mon 2026-03-30 02:30 +02:00   2026-03-30T00:30:00Z\n"


def test_what_cannot_be_is_refused():
    for expression_, word in [("0 0 30 2 *", "never comes"), ("0 25 * * *", "0 to 23"), ("0 0 * *", "five"), ("", "--cases"), ("0 0 L * *", "day of the month")]:
        done = subprocess.run([binary(), "cron", "next", expression_], capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and word in done.stderr, done
    done = subprocess.run([binary(), "cron", "next", "@daily", "--zone", "Europe/Atlantis"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "Europe/Berlin" in done.stderr
