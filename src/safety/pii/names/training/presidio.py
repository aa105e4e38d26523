#!/usr/bin/env python3
"""What Presidio's pattern recognisers find in a public set: presidio.py FILE > SPANS (lines {id, spans} for pii_eval --spans).

Its recognisers of names want the weights of a language model, which are not installed: a blank pipeline stands in, which splits
words and finds no name. Entities are given the set's names.
"""
import json
import logging
import pathlib
import sys

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

NAMES = {"URL": "DOMAIN_NAME", "LOCATION": "GPE"}


class Blank(SpacyNlpEngine):
    def __init__(self):
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": spacy.blank("en")}

    def load(self):
        pass


logging.disable(logging.CRITICAL)  # it asks for a list of public suffixes, and has one of its own
registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"])
analyzer = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
for number, row in enumerate(json.loads(pathlib.Path(sys.argv[1]).read_text())):
    found = sorted(analyzer.analyze(row["full_text"], language="en", score_threshold=0.35), key=lambda x: -x.score)
    spans = [{"start": x.start, "end": x.end, "entity": NAMES.get(x.entity_type, x.entity_type)} for x in found]
    print(json.dumps({"id": number, "spans": spans}))
