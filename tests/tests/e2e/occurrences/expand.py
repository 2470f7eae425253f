"""Expands series with python-dateutil: reads JSON lines {"seed", "ics", "until"}, writes lines
{"seed", "spans"}. Offsets come from PyPI's tzdata, not from the system. A time that clocks skip is
as much later as they skip, and one that they show twice is the first (fold=0, PEP 495)."""

import json
import sys
import zoneinfo
from datetime import datetime, timezone

from dateutil.rrule import rrulestr

zoneinfo.reset_tzpath(to=[])


def lines_of_event(ics):
    unfolded = ics.replace("\r\n ", "").replace("\r\n\t", "")
    event = unfolded.split("BEGIN:VEVENT\r\n", 1)[1].split("END:VEVENT", 1)[0]
    return [line.split(":", 1) for line in event.split("BEGIN:VALARM")[0].splitlines()]


def parsed(name, value):
    parameters = dict(p.split("=", 1) for p in name.split(";")[1:])
    if parameters.get("VALUE") == "DATE":
        return datetime.strptime(value, "%Y%m%d"), None
    if value.endswith("Z"):
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ"), timezone.utc
    return datetime.strptime(value, "%Y%m%dT%H%M%S"), zoneinfo.ZoneInfo(parameters["TZID"])


def naive_until(rule, zone):
    """RRULE by the clocks of the series: dateutil compares UNTIL with them."""
    parts = []
    for part in rule.split(";"):
        name, value = part.split("=")
        if name == "UNTIL" and value.endswith("Z"):
            at = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
            value = at.astimezone(zone).strftime("%Y%m%dT%H%M%S")
        parts.append(f"{name}={value}")
    return ";".join(parts)


def spans(ics, until):
    found = {}
    for name, value in lines_of_event(ics):
        found[name.split(";")[0]] = (name, value)
    start, zone = parsed(*found["DTSTART"])
    end, end_zone = parsed(*found["DTEND"]) if "DTEND" in found else (start, zone)
    at = lambda wall: int(wall.replace(tzinfo=zone or timezone.utc).timestamp())
    if zone is not None and end_zone != zone:
        end = end.replace(tzinfo=end_zone).astimezone(zone).replace(tzinfo=None)
    length = end - start
    for wall in rrulestr(naive_until(found["RRULE"][1], zone), dtstart=start):
        if at(wall) >= until:
            return
        yield at(wall), at(wall + length)


for line in sys.stdin:
    asked = json.loads(line)
    told = sorted(set(spans(asked["ics"], asked["until"])))
    print(json.dumps({"seed": asked["seed"], "spans": told}))
