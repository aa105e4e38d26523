"""An OpenAI-shaped upstream that does one thing after another: `then(error=500, …)`, each as Script tells, one a request; when
they are used up, whatever the request asks for."""

import collections
import json

try:
    from .openai_upstream import OpenAIUpstream
    from .upstream import run_alone
except ImportError:  # run by itself
    from openai_upstream import OpenAIUpstream
    from upstream import run_alone


class FlakyUpstream(OpenAIUpstream):
    """An OpenAI-shaped upstream that fails as it is told."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.scripts = collections.deque()
        self.always = {}

    def then(self, times=1, **script):
        self.scripts.extend([script] * times)
        return self

    def answer(self, handler, request):
        with self._lock:
            script = self.scripts.popleft() if self.scripts else self.always
        if isinstance(request.body, dict) and script:
            request.body["x_fake"] = request.body.get("x_fake", {}) | script
        return super().answer(handler, request)

    def texts(self):
        """What the requests so far said last, one text each."""
        return [json.dumps(request.body["messages"][-1]["content"]) for request in self.requests]


if __name__ == "__main__":
    run_alone(FlakyUpstream)
