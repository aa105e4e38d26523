"""Answers as Presidio's analyzer does (`POST /analyze`), with what a test has it know."""

import json
import re
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.upstream import Upstream, run_alone


class PresidioAnalyzer(Upstream):
    """Finds the words of `knows`, a dict of entities by word. `delay`, `status` and `answers` (bytes) spoil what it says; without
    `keeps_alive` each answer ends its connection, so that nobody is served once the fake has ended."""

    base_path = "/analyze"
    delay, status, answers, keeps_alive = 0, 200, None, True

    def __init__(self, *args, knows=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.knows = knows or {}

    def answer(self, handler, request):
        if self.delay:
            handler.wait(self.delay)
        if self.answers is not None:
            return handler.send_bytes(self.status, "application/json", self.answers)
        body = request.body
        if request.path != "/analyze" or not isinstance(body, dict):
            return handler.send_json(404, {"error": "no such place"})
        # As its app.py has it: both are needed, and what is missing is a fault of the server.
        for name in ("text", "language"):
            if not body.get(name):
                return handler.send_json(500, {"error": f"No {name} provided"})
        found = [
            {"analysis_explanation": None, "end": match.end(), "entity_type": entity, "score": 0.85, "start": match.start(),
             "recognition_metadata": {"recognizer_name": "SpacyRecognizer"}}
            for word, entity in self.knows.items()
            for match in re.finditer(re.escape(word), body["text"])
        ]
        return handler.send_bytes(self.status, "application/json", json.dumps(found).encode(), () if self.keeps_alive else [("connection", "close")])


if __name__ == "__main__":
    run_alone(PresidioAnalyzer)
