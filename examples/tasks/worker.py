#!/usr/bin/env python3
"""Does the tasks `count-words`: python3 worker.py, with FAIRLEAD_URL and FAIRLEAD_KEY (scope work) in the environment."""

import json
import os
import time
import urllib.request

URL = os.environ.get("FAIRLEAD_URL", "http://127.0.0.1:8484") + "/api/v1/tasks/"


def post(path, body):
    headers = {"authorization": "Bearer " + os.environ["FAIRLEAD_KEY"], "content-type": "application/json"}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")  # nothing: there is no task


while True:
    try:
        if not (task := post("poll", {"tasks": ["count-words"]})):
            continue
        words = task["input"]["text"].split()
        post(task["id"] + "/complete", {"output": {"words": len(words), "longest": max(words, key=len, default="")}})
        print("did", task["step"], "of run", task["run"], flush=True)
    except OSError as error:  # the server is away; or it answered an error: 409, another has the task by now
        print(error, flush=True)
        time.sleep(1)
