#!/usr/bin/env python3
"""Writes what the tagger is trained on: corpus.py OUT_DIR [PUBLIC_JSON].

OUT_DIR gets train.tsv, test_ru.tsv, report.tsv (lines `TEXT\\tSTART END ENTITY;...`, offsets in bytes; `\\taside` behind those of
templates that are set aside) and lists.txt (`BITS WORD`). Everything follows from fixed seeds: two runs write the same bytes.
"""
import json
import pathlib
import random
import re
import sys
import unicodedata

import values_en
import values_ru
from english import English
from russian import Russian
from slots import Text, hashed, is_held_out, plain_templates, templates

FIRST, LAST, PLACE, COUNTRY, PATRONYMIC, ORGANIZATION, COMMON, STREET = (1 << i for i in range(8))
ENTITIES = {"PERSON", "GPE", "ORGANIZATION", "STREET_ADDRESS", "TITLE", "ZIP_CODE", "NRP", "AGE"}


def normalised(text):
    text = unicodedata.normalize("NFKC", text)
    return re.sub("[‐-―−]", "-", text)


def line_of(pieces, aside=False):
    """The line of a corpus. What is set aside is not for the model that tells how sure a score is."""
    out, spans, at = "", [], 0
    for text, entity in pieces:
        text = normalised(text)
        size = len(text.encode())
        if entity:
            spans.append(f"{at} {at + size} {entity}")
        at += size
        out += text
    escaped = out.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return escaped + "\t" + ";".join(spans) + ("\taside" if aside else "")


def changed(pieces, r, small, capitals):
    """Now and then a text in small letters or in capitals, or without its last mark."""
    x = r.random()
    if x < small:
        return Text((t.lower(), e) for t, e in pieces)
    if x < small + capitals:
        return Text((t.upper(), e) for t, e in pieces)
    if x < small + capitals + 0.1 and pieces and pieces[-1][1] is None:
        return Text(pieces[:-1] + [(pieces[-1][0].rstrip(".!?"), None)])
    return pieces


def generated(filler, forms, plain, count):
    """Texts of one to three sentences, a quarter of which are nobody's."""
    r = filler.random
    for _ in range(count):
        pieces, some, aside = Text(), False, False
        for i in range(r.choice([1, 1, 1, 2, 2, 3])):
            if i:
                pieces.add(r.choice([" ", " ", "\n", "\n\n", " "]))
            own = r.random() < 0.25
            some = some or not own
            template = r.choice(plain if own else forms)
            aside = aside or template.is_set_aside
            pieces.extend(template.fill(r, filler.slot))
        yield line_of(changed(pieces, r, 0.08, 0.03) if some else changed(pieces, r, 0.2, 0.03), aside)


def public_rows(path):
    return [(x, hashed(x["full_text"]) < 40) for x in json.loads(pathlib.Path(path).read_text())]


def public_pieces(row):
    out, at, text = Text(), 0, row["full_text"]
    for span in sorted(row["spans"], key=lambda x: x["start_position"]):
        out.add(text[at:span["start_position"]])
        entity = span["entity_type"]
        out.add(text[span["start_position"]:span["end_position"]], entity if entity in ENTITIES else None)
        at = span["end_position"]
    return out.add(text[at:])


def varied(pieces, english, r, pool):
    """The same text about others: such as the set names elsewhere, or made-up ones."""
    out = Text()
    for text, entity in pieces:
        if entity in ("PERSON", "GPE", "ORGANIZATION", "STREET_ADDRESS") and r.random() < 0.4:
            alike = [x for x in pool[entity] if ("\n" in x) == ("\n" in text) and x.isdigit() == text.isdigit()]
            new = r.choice(alike or [text])
            text = new.upper() if text.isupper() else new.lower() if text.islower() else new
        elif entity == "PERSON" and r.random() < 0.8:
            text = english.full() if " " in text else english.person() if r.random() < 0.1 else english.first() if r.random() < 0.5 else english.last()
        elif entity == "GPE" and r.random() < 0.7:
            new = english.gpe()
            text = new.upper() if text.isupper() else new.lower() if text.islower() else new
        elif entity == "ORGANIZATION" and r.random() < 0.7:
            new = english.org()
            text = new.lower() if text.islower() else new
        elif entity == "NRP" and r.random() < 0.7:
            text = r.choice(values_en.NATIONALITIES)
        elif entity == "STREET_ADDRESS" and r.random() < 0.6:
            if re.fullmatch(r"\d+", text):
                text = english.digits(len(text))
            elif "\n" not in text and re.search("[a-z]", text) and not re.match(r"(Suite|Apt\.)", text):
                text = english.addr() if re.search(r"\d", text) else english.street()
            elif "\n" in text and "Box" not in text:
                text = english.addrany()
        elif entity in ("AGE", "ZIP_CODE"):
            text = re.sub(r"\d", lambda _: r.choice("123456789"), text)
        out.add(text, entity)
    return out


def lists_of(english, values):
    """Words of names, each with what it may be part of."""
    bits = {}

    def put(words, bit):
        for word in words:
            for one in re.findall(r"[^\W\d_]+", normalised(word)):
                if len(one) > 1 and (bit in (STREET, ORGANIZATION) or one[0].isupper()):
                    key = one.lower().replace("ё", "е")
                    bits[key] = bits.get(key, 0) | bit

    kept = lambda names: [x for x in names if not is_held_out(x)]
    put(kept(english.firsts), FIRST)
    put(kept(english.lasts), LAST)
    put([x for x in kept(english.places) + english.states], PLACE)
    put([x for x in kept(english.countries)], COUNTRY)
    put(values_en.NATIONALITIES, COUNTRY)
    put(values_en.KNOWN_ORGANISATIONS, ORGANIZATION)
    put(values_en.FORMS, ORGANIZATION)
    put(english.suffixes, STREET)
    forms = lambda table: [f for x in table if not is_held_out(x["n"]) for f in x.values()]
    v = values
    for gender in ("m", "f"):
        put(forms(v.first[gender] + v.common_first[gender]), FIRST)
        put(forms(v.last[gender] + v.common_last[gender]), LAST)
        put(forms(v.patronymic[gender] + v.common_patronymic[gender]), PATRONYMIC)
    put(forms(v.last["pl"]), LAST)
    put(forms(v.cities + v.big_cities + v.geography + v.regions), PLACE)
    put(forms(v.countries), COUNTRY)
    put(forms(v.companies + v.organisations + v.universities), ORGANIZATION)
    put([x for k in v.kinds.values() for x in k.values()] + [x for short, _ in values_ru.STREET_KINDS.values() for x in short], STREET)
    for little in ("of", "the", "and", "de", "la", "на", "и", "в", "del", "di", "da", "al", "el", "for"):
        bits.pop(little, None)
    common = {x.replace("ё", "е") for x in v.morphology.common} | set(english.words)
    for word in bits:
        if word in common:
            bits[word] |= COMMON
    for word in english.words:
        bits[word] = bits.get(word, 0) | COMMON
    return bits


def write(path, lines):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


def main(out, public):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    english, values = English(1), values_ru.Values()
    russian = Russian(2, values)
    en, ru = templates("en.txt"), templates("ru.txt")
    plain_en, plain_ru = plain_templates()
    train = list(generated(english, en, plain_en, 50_000)) + list(generated(russian, ru, plain_ru, 50_000))
    if public:
        r = random.Random(3)
        english.random = random.Random(4)
        pool = {}
        for row, reported in public_rows(public):
            for text, entity in public_pieces(row) if not reported else ():
                pool.setdefault(entity, []).append(text)
        for row, reported in public_rows(public):
            if reported:
                continue
            pieces, aside = public_pieces(row), hashed(f"set aside {row['template_id']}") < 16
            train += [line_of(pieces, aside)] * 6
            train += [line_of(changed(varied(pieces, english, r, pool), r, 0.06, 0.02), aside) for _ in range(40)]
        write(out / "report.tsv", [line_of(public_pieces(row)) for row, reported in public_rows(public) if reported])
    write(out / "train.tsv", train)
    test = Russian(7, values)
    test.unseen = 0.5
    lines = []
    for template in templates("ru_test.txt"):
        lines += [line_of(template.fill(test.random, test.slot)) for _ in range(40)]
    write(out / "test_ru.tsv", lines)
    write(out / "lists.txt", [f"{bit} {word}" for word, bit in sorted(lists_of(english, values).items())])


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None)
