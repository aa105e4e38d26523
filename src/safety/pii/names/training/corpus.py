#!/usr/bin/env python3
"""Writes what the tagger is trained on: corpus.py OUT_DIR [PUBLIC_JSON].

OUT_DIR gets train.tsv, calibrate.tsv, test_ru.tsv, report.tsv (lines `TEXT\\tSTART END ENTITY;...`, offsets in bytes) and lists.txt
(`BITS WORD`). Everything follows from fixed seeds: two runs write the same bytes.
"""
import hashlib
import json
import pathlib
import random
import re
import sys
import unicodedata

import values_en
import values_ru

HERE = pathlib.Path(__file__).parent
FIRST, LAST, PLACE, COUNTRY, PATRONYMIC, ORGANIZATION, COMMON, STREET = (1 << i for i in range(8))
ENTITIES = {"PERSON", "GPE", "ORGANIZATION", "STREET_ADDRESS", "TITLE", "ZIP_CODE", "NRP", "AGE"}


def hashed(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 100


def is_held_out(value):
    """Names that neither the lists nor the training have: 15 in 100."""
    return hashed("held out " + value.lower().replace("ё", "е")) < 15


class Text(list):
    """Pieces (text, entity or None)."""

    def add(self, text, entity=None):
        if text:
            self.append((text, entity))
        return self


class Template:
    """[a|b] is a choice, {slot} and {slot:case} are filled."""

    def __init__(self, line):
        self.parts, at = self._sequence(line, 0, top=True)
        assert at == len(line), line

    def _sequence(self, line, at, top=False):
        out, text = [], ""
        while at < len(line):
            char = line[at]
            if char == "[":
                if text:
                    out.append(text)
                text = ""
                options = []
                at += 1
                while True:
                    part, at = self._sequence(line, at)
                    options.append(part)
                    assert at < len(line), line
                    at += 1
                    if line[at - 1] == "]":
                        break
                out.append(options)
                continue
            if char in "|]" and not top:
                break
            if char == "{" and re.match(r"\{-?\w+(:\w)?\}", line[at:]):
                if text:
                    out.append(text)
                text = ""
                end = line.index("}", at)
                name, _, case = line[at + 1:end].partition(":")
                out.append((name, case or "n"))
                at = end + 1
                continue
            if line.startswith("\\n", at):
                text += "\n"
                at += 2
                continue
            text += char
            at += 1
        if text:
            out.append(text)
        return out, at

    def fill(self, random_, slot):
        out = Text()
        self._fill(self.parts, out, random_, slot)
        return out

    def _fill(self, parts, out, random_, slot):
        for part in parts:
            if isinstance(part, str):
                out.add(part)
            elif isinstance(part, tuple):
                slot(out, *part)
            else:
                self._fill(random_.choice(part), out, random_, slot)


def templates(name):
    lines = (HERE / "templates" / name).read_text().splitlines()
    return [Template(x) for x in lines if x.strip() and not x.startswith("#")]


def plain_templates():
    """English and Russian. The sentences of prose_en.txt weigh as much as the templates beside them."""
    prose = templates("prose_en.txt")
    return templates("plain_en.txt") * 16 + prose, templates("plain_ru.txt")


class Filler:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.unseen = 0.0  # the share of values that are held out

    def pick(self, values, key=lambda x: x):
        """A value of a list; a held-out one only where that is asked for."""
        want = self.random.random() < self.unseen
        for _ in range(200):
            one = self.random.choice(values)
            if is_held_out(key(one)) == want:
                return one
        return one

    def chance(self, share):
        return self.random.random() < share

    def digits(self, count):
        return "".join(self.random.choice("0123456789") for _ in range(count))

    def money(self, signs):
        amount = self.random.choice([str(self.random.randint(1, 999)), f"{self.random.randint(1, 999)},{self.random.randint(100, 999)}",
                                     f"{self.random.randint(1, 9999)}.{self.random.randint(10, 99)}"])
        sign = self.random.choice(signs)
        return sign + amount if sign in "$€£" and self.chance(0.7) else f"{amount} {sign}"

    def plain(self, name):
        r = self.random
        if name == "order":
            return r.choice([lambda: self.digits(r.randint(3, 10)), lambda: f"{r.choice('ABCKMNX')}{r.choice('ABTRE')}-{self.digits(5)}",
                             lambda: f"{r.randint(1, 12)}.{r.randint(0, 20)}.{r.randint(0, 9)}", lambda: f"{self.digits(3)}-{self.digits(7)}",
                             lambda: f"{r.choice(['ORD', 'INV', 'TK', 'PR', 'SKU'])}{r.choice(['-', ''])}{self.digits(6)}"])()
        if name == "int":
            return str(r.choice([r.randint(1, 12), r.randint(1, 100), r.randint(100, 5000), int(self.digits(6)), 10 * r.randint(1, 10)]))
        if name == "float":
            return f"{r.randint(-90, 180)}.{self.digits(r.randint(1, 6))}"
        if name == "year":
            return str(r.randint(1900, 2026))
        if name == "time":
            return f"{r.randint(0, 23)}:{r.randint(0, 59):02}"
        if name == "date":
            d, m, y = r.randint(1, 28), r.randint(1, 12), r.randint(1940, 2026)
            return r.choice([f"{d:02}.{m:02}.{y}", f"{m}/{d}/{y}", f"{y}-{m:02}-{d:02}", f"{d:02}.{m:02}.{y % 100:02}", f"{y}-{m:02}-{d:02} 10:{d}:{m:02}"])
        if name == "email":
            return f"{r.choice(['info', 'maria', 'j.smith', 'sales', 'ivan77', 'KarlHof', 'a_petrova'])}@{r.choice(['example.com', 'mail.ru', 'corp.org', 'rhyta.com'])}"
        if name == "phone":
            return r.choice([f"+7 {self.digits(3)} {self.digits(3)}-{self.digits(2)}-{self.digits(2)}", f"8({self.digits(3)}){self.digits(7)}",
                             f"({self.digits(3)}) {self.digits(3)}-{self.digits(4)}", f"+44{self.digits(10)}", f"{self.digits(3)}.{self.digits(3)}.{self.digits(4)}",
                             f"{self.digits(2)} {self.digits(3)} {self.digits(2)} {self.digits(2)}", f"{self.digits(3)} {self.digits(3)} {self.digits(4)}"])
        return None


class English(Filler):
    WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday monday Mon. Fri".split()
    MONTHS = "January February March April May June July August September October November December Jan. Sept. Dec".split()

    def __init__(self, seed):
        super().__init__(seed)
        self.firsts, self.lasts, self.places, self.countries = values_en.lists()
        usual = values_en.part("person", "en_US")
        self.usual_firsts, self.usual_lasts = sorted(usual.first_names), sorted(usual.last_names)
        self.suffixes = sorted(values_en.part("address", "en_US").street_suffixes)
        self.states = sorted(values_en.part("address", "en_US").states)
        self.state_codes = sorted(values_en.part("address", "en_US").states_abbr)
        job = values_en.part("job", "en_US")
        self.jobs = sorted(job.jobs)
        lorem = values_en.part("lorem", "en_US")
        self.words = sorted(set(lorem.word_list) | set(values_en.PLAIN_WORDS))
        self.words = [x for x in self.words if x.islower() and x.isalpha() and len(x) > 2]

    def coined(self, most=3):
        word = "".join(self.random.choice(values_en.SYLLABLES) for _ in range(self.random.randint(2, most)))
        if self.chance(0.3):
            at = self.random.randrange(len(word))
            word = word[:at] + word[at].translate(values_en.ACCENTS) + word[at + 1:]
        return word[:1].upper() + word[1:]

    def first(self):
        r = self.random.random()
        if r < 0.12:
            return self.coined()
        return self.pick(self.usual_firsts if r < 0.35 else self.firsts)

    def last(self):
        r = self.random.random()
        if r < 0.22:
            return self.coined()
        if r < 0.27:
            return self.pick(self.lasts) + "-" + self.pick(self.lasts)
        if r < 0.29:
            return self.random.choice(["O'", "Mc", "Mac", "D'", "van ", "de ", "von ", "al-", "El ", "Van der ", "dos "]) + self.pick(self.lasts)
        return self.pick(self.usual_lasts if r < 0.55 else self.lasts)

    def full(self):
        r = self.random.random()
        letter = self.random.choice("ABCDEFGHJKLMNPRSTVW")
        if r < 0.66:
            return f"{self.first()} {self.last()}"
        if r < 0.80:
            return f"{self.first()} {letter}{self.random.choice(['.', '.', ''])} {self.last()}"
        if r < 0.86:
            return f"{self.first()} {self.first()} {self.last()}"
        if r < 0.92:
            return f"{letter}. {self.last()}"
        if r < 0.95:
            return f"{self.first()} {self.last()} {self.last()}"
        if r < 0.97:
            return f"{letter}.{self.random.choice('ABCDEFGHJKLMNPRST')}. {self.last()}"
        return f"{self.first()}-{self.first()} {self.last()}"

    def person(self):
        r = self.random.random()
        return self.full() if r < 0.55 else self.first() if r < 0.85 else self.last()

    def city(self):
        r = self.random.random()
        if r < 0.45:
            return self.pick(values_en.CITIES)
        if r < 0.62:
            return self.pick(self.places)
        if r < 0.80:
            one = self.random.choice(["Port", "Lake", "North", "South", "East", "West", "New", "Saint", "San", "Santa", "Bad", "El", "Los", "Villa", "Nova"])
            return f"{one} {self.coined() if self.chance(0.5) else self.pick(self.usual_firsts)}"
        if r < 0.86:
            return self.pick(self.usual_lasts) + self.random.choice(["ville", "ton", "town", "bury", "land", "view", "side", "mouth", "port", "shire", "borough"])
        word = self.coined()
        return word if self.chance(0.8) else f"{word} {self.random.choice(['de', 'di', 'nad', 'am', 'Beach', 'Town', 'Hill', 'Springs', 'Creek'])} {self.coined()}"

    def country(self):
        return self.pick(self.countries)

    def gpe(self):
        r = self.random.random()
        return self.city() if r < 0.55 else self.country() if r < 0.93 else self.random.choice(self.states)

    def org(self):
        r = self.random.random()
        word = lambda: self.coined(2) if self.chance(0.4) else self.pick(self.usual_lasts)
        if r < 0.22:
            return self.random.choice(values_en.KNOWN_ORGANISATIONS)
        if r < 0.36:
            return f"{self.pick(self.usual_lasts)} {self.random.choice(values_en.FORMS)}"
        if r < 0.42:
            return f"{self.pick(self.usual_lasts)}-{self.pick(self.usual_lasts)}"
        if r < 0.48:
            return f"{self.pick(self.usual_lasts)}, {self.pick(self.usual_lasts)} and {self.pick(self.usual_lasts)}"
        if r < 0.66:
            head = self.random.choice(values_en.FIRST_OF_ORGANISATIONS) if self.chance(0.6) else word()
            tail = self.random.choice(values_en.NOUNS_OF_ORGANISATIONS)
            if self.chance(0.3):
                tail = self.random.choice(values_en.FIRST_OF_ORGANISATIONS) + " " + tail
            return f"{head} {tail}" + (f" {self.random.choice(values_en.FORMS)}" if self.chance(0.25) else "")
        if r < 0.76:
            joined = self.random.choice(values_en.FIRST_OF_ORGANISATIONS) + self.random.choice(values_en.NOUNS_OF_ORGANISATIONS + ["ify", "ly", "io", "hub", "base", "soft", "tech", "net", "works", "made", "set"])
            return (joined if self.chance(0.4) else joined.capitalize()) + (f" {self.random.choice(values_en.FORMS)}" if self.chance(0.2) else "")
        if r < 0.80:
            return f"{self.random.choice(['University', 'Bank', 'Museum', 'Ministry', 'Institute', 'Republic'])} of {self.city()}"
        if r < 0.84:
            return f"{self.city()} {self.random.choice(['University', 'Hospital', 'City Council', 'Airport', 'United', 'Airlines', 'Bank', 'Police Department', 'Orchestra'])}"
        if r < 0.88:
            return f"{self.random.randint(1, 9)} {self.random.choice(values_en.PLAIN_WORDS).capitalize()} {self.random.choice(values_en.PLAIN_WORDS).capitalize()}s Inc"
        if r < 0.93:
            return self.random.choice(values_en.PLAIN_WORDS).capitalize() + " " + self.random.choice(values_en.PLAIN_WORDS).capitalize()
        return self.coined() + (f" {self.random.choice(values_en.FORMS)}" if self.chance(0.4) else "")

    def house(self):
        r = self.random.random()
        number = str(self.random.randint(1, 999)) if r < 0.6 else str(self.random.randint(1000, 99999)) if r < 0.9 else f"{self.random.randint(1, 99)}{self.random.choice('ABCabc')}"
        return number if self.chance(0.9) else self.digits(3)

    def street(self):
        r = self.random.random()
        name = lambda: self.coined() if self.chance(0.5) else self.pick(self.lasts)
        if r < 0.50:
            return f"{self.pick(self.usual_firsts + self.usual_lasts)} {self.random.choice(self.suffixes if self.chance(0.6) else ['Street', 'Avenue', 'Road', 'Lane', 'St', 'Ave', 'Rd', 'St.', 'Drive', 'Court'])}"
        if r < 0.56:
            return f"{self.random.randint(1, 120)}{self.random.choice(['th', 'st', 'nd', 'rd'])} {self.random.choice(['Street', 'Avenue', 'St', 'Ave'])}"
        if r < 0.62:
            return f"{self.random.choice(['Main', 'High', 'Church', 'Park', 'Oak', 'Elm', 'Mill', 'Station', 'King', 'Queen', 'Market', 'Victoria', 'Green', 'Hill'])} {self.random.choice(['Street', 'Road', 'Lane', 'Avenue', 'St', 'Rd'])}"
        if r < 0.80:
            return f"{self.random.choice(values_en.STREETS_BEFORE)} {name()}" + (f" {name()}" if self.chance(0.3) else "")
        if r < 0.93:
            return name() + self.random.choice(values_en.STREETS_BEHIND)
        return name()

    def addr(self):
        street, r = self.street(), self.random.random()
        before = re.search(r"(Street|Avenue|Road|Lane|St|Ave|Rd|Drive|Court|Rue|rue)\b", street)
        if r < 0.45 or (before and r < 0.85):
            out = f"{self.house()} {street}"
        elif r < 0.9:
            out = f"{street} {self.house()}"
        else:
            out = f"{street}, {self.house()}"
        if self.chance(0.12):
            out = f"{self.digits(self.random.randint(3, 5))} {out}"
        if self.chance(0.35):
            comma = self.random.choice([" ", ", ", "\n ", "\n"])
            out += comma + self.random.choice(["Suite", "Apt.", "Apt", "Unit", "Flat", "Floor", "Room", "#", "Box"]) + " " + self.digits(self.random.randint(1, 3))
        return out

    def milbox(self):
        return self.random.choice([f"PSC {self.digits(4)}, Box {self.digits(4)}", f"Unit {self.digits(4)} Box {self.digits(4)}", f"P.O. Box {self.digits(3)}",
                                   f"PO Box {self.digits(4)}", f"{self.random.choice(['USNV', 'USS', 'USNS', 'USCGC'])} {self.last()}"])

    def addrany(self):
        """With the place in it, as the public set has it, or only a street."""
        r = self.random.random()
        if r < 0.5:
            return self.addr()
        if r < 0.6:
            return f"{self.milbox()}\n{self.random.choice(['APO', 'FPO', 'DPO'])} {self.random.choice(['AA', 'AE', 'AP'])} {self.digits(5)}"
        if r < 0.66:
            return f"the corner of {self.street()} and {self.street()}"
        if r < 0.80:
            return f"{self.addr()}\n {self.city().upper() if self.chance(0.3) else self.city()}\n {self.country()}" + (f" {self.digits(5)}" if self.chance(0.6) else "")
        if r < 0.90:
            return f"{self.addr()}\n{self.city()}\n, {self.random.choice(self.state_codes)}\n {self.country() + ' ' if self.chance(0.5) else ''}{self.digits(5)}"
        return f"{self.addr()}, {self.city()}, {self.random.choice(self.state_codes)} {self.digits(5)}"

    def zip(self):
        r = self.random.random()
        letters = lambda n: "".join(self.random.choice("ABCDEFGHJKLMNPRSTUWY") for _ in range(n))
        if r < 0.6:
            return self.digits(5)
        if r < 0.7:
            return self.digits(4)
        if r < 0.76:
            return f"{self.digits(3)} {self.digits(2)}"
        if r < 0.86:
            return f"{letters(2)}{self.digits(1)} {self.digits(1)}{letters(2)}"
        if r < 0.92:
            return f"{self.digits(5)}-{self.digits(4)}"
        return self.digits(6) if r < 0.96 else self.digits(3)

    def slot(self, out, name, case):
        if name[0] == "-":
            return out.add(self.nobodys(name[1:]))
        if name == "mr":
            return out.add(self.random.choice(values_en.TITLES), "TITLE").add(" ").add(self.last() if self.chance(0.7) else self.full(), "PERSON")
        if name == "job":
            job = self.random.choice(self.jobs)
            return out.add(job.lower() if self.chance(0.4) else job, "TITLE")
        if name == "addrblock":
            kind = self.random.random()
            if kind < 0.5:
                out.add(f"{self.addr()}", "STREET_ADDRESS").add("\n").add(self.city(), "GPE")
            else:
                out.add(self.house(), "STREET_ADDRESS").add(" ").add(self.street(), "STREET_ADDRESS")
                out.add("\n").add(f"{self.random.choice(['Suite', 'Apt.'])} {self.digits(3)}", "STREET_ADDRESS").add("\n").add(self.city(), "GPE")
            return out.add("\n").add(self.country(), "GPE").add(" ").add(self.digits(5), "STREET_ADDRESS")
        if name == "addrzip":
            return out.add(self.digits(5), "STREET_ADDRESS")
        value, entity = {
            "full": (self.full, "PERSON"), "person": (self.person, "PERSON"), "first": (self.first, "PERSON"), "last": (self.last, "PERSON"),
            "gpe": (self.gpe, "GPE"), "city": (self.city, "GPE"), "country": (self.country, "GPE"),
            "state": (lambda: self.random.choice(self.states + self.state_codes), "GPE"), "org": (self.org, "ORGANIZATION"),
            "addr": (self.addr, "STREET_ADDRESS"), "addrany": (self.addrany, "STREET_ADDRESS"), "street": (self.street, "STREET_ADDRESS"),
            "milbox": (self.milbox, "STREET_ADDRESS"), "zip": (self.zip, "ZIP_CODE"),
            "nrp": (lambda: self.random.choice(values_en.NATIONALITIES), "NRP"), "age": (lambda: str(self.random.randint(2, 99)), "AGE"),
        }[name]
        return out.add(value(), entity)

    def nobodys(self, name):
        r = self.random
        if name in ("word", "Word"):
            word = self.coined().lower() if self.chance(0.12) else r.choice(self.words)
            return word if name == "word" else word.capitalize()
        if name == "weekday":
            return r.choice(self.WEEKDAYS)
        if name == "month":
            return r.choice(self.MONTHS)
        if name == "money":
            return self.money(["$", "€", "£", "USD", "EUR", "dollars", "euros", "GBP"])
        if name == "brand":
            return r.choice(["Visa", "Mastercard", "MasterCard", "Maestro", "American Express", "Amex", "Apple Pay", "Google Pay", "PayPal", "SWIFT", "SEPA", "Bitcoin",
                             "iPhone", "Android", "VISA", "visa", "mastercard", "apple pay", "google pay", "PIN", "Revolut card", "ATM", "CVV", "EUR", "USD", "GBP"])
        return self.plain(name)


class Russian(Filler):
    WEEKDAYS = "понедельник вторник среда четверг пятница суббота воскресенье".split()
    WEEKDAYS_A = "понедельник вторник среду четверг пятницу субботу воскресенье".split()
    MONTHS_P = "январе феврале марте апреле мае июне июле августе сентябре октябре ноябре декабре".split()

    def __init__(self, seed, values):
        super().__init__(seed)
        self.values = values

    def form(self, table, case):
        return self.pick(table, key=lambda x: x["n"])[case]

    def first(self, gender, case):
        v = self.values
        return self.form(v.common_first[gender] if self.chance(0.5) else v.first[gender], case)

    def last(self, gender, case):
        v = self.values
        one = self.form(v.common_last[gender] if self.chance(0.4) else v.last[gender], case)
        return one + "-" + self.form(v.common_last[gender], case) if self.chance(0.03) else one

    def patronymic(self, gender, case):
        v = self.values
        return self.form(v.common_patronymic[gender] if self.chance(0.7) else v.patronymic[gender], case)

    def initials(self, last):
        a, b = (self.random.choice("АБВГДЕЖЗИКЛМНОПРСТУФЭЮЯ") for _ in range(2))
        r = self.random.random()
        if r < 0.35:
            return f"{last} {a}.{b}."
        if r < 0.55:
            return f"{a}.{b}. {last}"
        if r < 0.7:
            return f"{last} {a}. {b}."
        if r < 0.85:
            return f"{a}. {b}. {last}"
        return f"{a}. {last}" if r < 0.95 else f"{last} {a}."

    def full(self, gender, case):
        r = self.random.random()
        first, last = self.first(gender, case), self.last(gender, case)
        if r < 0.5:
            return f"{first} {last}"
        if r < 0.7:
            return f"{last} {first}"
        if r < 0.85:
            return f"{last} {first} {self.patronymic(gender, case)}"
        return f"{first} {self.patronymic(gender, case)} {last}"

    def person(self, gender, case):
        r = self.random.random()
        if r < 0.42:
            return self.full(gender, case)
        if r < 0.65:
            return self.first(gender, case)
        if r < 0.80:
            return self.last(gender, case)
        if r < 0.93:
            return f"{self.first(gender, case)} {self.patronymic(gender, case)}"
        return self.initials(self.last(gender, case))

    def city(self, case):
        r = self.random.random()
        v = self.values
        return self.form(v.big_cities if r < 0.4 else v.cities if r < 0.7 else v.geography, case)

    def gpe(self, case):
        r = self.random.random()
        return self.city(case) if r < 0.6 else self.form(self.values.countries, case) if r < 0.93 else self.form(self.values.regions, case)

    def quoted(self, name):
        r = self.random.random()
        return f"«{name}»" if r < 0.65 else f'"{name}"'

    def coined(self):
        r = self.random.random()
        parts = values_ru.PARTS
        one, two = self.random.choice(parts), self.random.choice(parts)
        if r < 0.45:
            return one + (two.lower() if self.chance(0.7) else two)
        if r < 0.6:
            return one
        if r < 0.7:
            return f"{one}-{two}"
        if r < 0.8:
            return f"{self.form(self.values.common_last['m'], 'n')} и партнёры"
        if r < 0.9:
            return self.random.choice(self.values.morphology.nouns).capitalize()
        return f"{one} {two}"

    def org(self, case):
        r = self.random.random()
        v = self.values
        if r < 0.40:
            return f"{self.random.choice(values_ru.FORMS)} {self.quoted(self.coined())}"
        if r < 0.45:
            return f"{self.random.choice(values_ru.FORMS)} {self.coined()}"
        if r < 0.70:
            return self.form(v.companies, case)
        if r < 0.78:
            return self.quoted(self.coined())
        if r < 0.88:
            return self.form(v.organisations, case)
        if r < 0.93:
            return f"ИП {self.initials(self.last('m' if self.chance(0.6) else 'f', 'n'))}"
        if r < 0.97:
            return f"{self.random.choice(values_ru.FORMS)} {self.quoted(self.form(v.companies, 'n'))}"
        return f"{self.form(v.common_last['m'], 'n')} {self.random.choice(v.suffixes)}"

    def street_title(self, gender, case):
        """A name, and whether it stands before the kind as an adjective."""
        v = self.values
        r = self.random.random()
        if r < 0.40:
            return v.adjective(self.pick(v.titles_f), gender)[case], True
        if r < 0.80:
            return self.pick(v.titles_fixed), False
        if r < 0.92:
            return self.form(v.last["m"], "g"), False
        one = self.random.choice(values_ru.STREETS)
        return self.values.morphology.phrase(one, case) if gender == "m" or case == "n" else one, False

    def street(self, case):
        kinds = list(values_ru.STREET_KINDS)
        kind = self.random.choices(kinds, values_ru.STREET_WEIGHTS)[0]
        short, gender = values_ru.STREET_KINDS[kind]
        if self.chance(0.4 if case == "n" else 0.15):
            title, adjective = self.street_title(gender, "n")
            word = self.random.choice(short)
            return f"{word} {title}" if self.chance(0.85) or not adjective else f"{title} {word}"
        title, adjective = self.street_title(gender, case)
        word = self.values.kinds[kind][case]
        return f"{title} {word}" if adjective and self.chance(0.5) else f"{word} {title}"

    def addr(self, case="n"):
        r = self.random.random()
        number = str(self.random.randint(1, 250)) + (self.random.choice(["", "", "", "а", "Б", "/" + str(self.random.randint(1, 9)), "к" + str(self.random.randint(1, 5))]))
        street = self.street(case)
        comma = ", " if self.chance(0.85) else " "
        out = street + (f"{comma}{self.random.choice(['д.', 'дом', 'д', 'д.'])} {number}" if r < 0.65 else f"{comma}{number}")
        if self.chance(0.15):
            out += f"{comma}{self.random.choice(['корп.', 'корпус', 'к.', 'стр.', 'строение', 'литера'])} {self.random.randint(1, 9)}"
        if self.chance(0.5):
            out += f"{comma}{self.random.choice(['кв.', 'квартира', 'кв', 'оф.', 'офис', 'пом.', 'комната'])} {self.random.randint(1, 400)}"
        return out

    def slot(self, out, name, case):
        v, r = self.values, self.random
        if name[0] == "-":
            return out.add(self.nobodys(name[1:]))
        gender = "m" if r.random() < 0.5 else "f"
        if name in ("person", "person_m", "person_f"):
            return out.add(self.person(name[-1] if name[-2:] in ("_m", "_f") else gender, case), "PERSON")
        if name == "mr":
            return out.add(r.choice(values_ru.TITLES), "TITLE")
        made = {
            "full": lambda: (self.full(gender, case), "PERSON"), "first": lambda: (self.first(gender, case), "PERSON"),
            "last": lambda: (self.last(gender, case), "PERSON"), "patr": lambda: (self.patronymic(gender, case), "PERSON"),
            "io": lambda: (f"{self.first(gender, case)} {self.patronymic(gender, case)}" if self.chance(0.6) else self.first(gender, case), "PERSON"),
            "fio": lambda: (f"{self.last(gender, case)} {self.first(gender, case)} {self.patronymic(gender, case)}", "PERSON"),
            "init": lambda: (self.initials(self.last(gender, "n")), "PERSON"),
            "last_pl": lambda: (self.form(v.last["pl"], case), "PERSON"),
            "last1": lambda: (self.last(gender, "g"), "PERSON"),
            "city": lambda: (self.city(case), "GPE"), "gpe": lambda: (self.gpe(case), "GPE"),
            "country": lambda: (self.form(v.countries, case), "GPE"), "region": lambda: (self.form(v.regions, case), "GPE"),
            "org": lambda: (self.org(case), "ORGANIZATION"), "orgq": lambda: (self.quoted(self.coined()), "ORGANIZATION"),
            "uni": lambda: (self.form(v.universities, case), "ORGANIZATION"),
            "addr": lambda: (self.addr(), "STREET_ADDRESS"), "addr_a": lambda: (self.addr("a"), "STREET_ADDRESS"),
            "street_p": lambda: (self.street("p"), "STREET_ADDRESS"), "street_d": lambda: (self.street("d"), "STREET_ADDRESS"),
            "street_g": lambda: (self.street("g"), "STREET_ADDRESS"), "street_a": lambda: (self.street("a"), "STREET_ADDRESS"),
            "zip": lambda: (str(r.randint(101000, 692999)), "ZIP_CODE"), "age": lambda: (str(r.randint(2, 99)), "AGE"),
            "nrp": lambda: (r.choice(values_ru.NATIONALITIES), "NRP"),
        }[name]()
        return out.add(*made)

    def nobodys(self, name):
        r, m = self.random, self.values.morphology
        if name in ("word", "Word"):
            word = r.choice(m.nouns)
            return word if name == "word" else word.capitalize()
        if name == "word_a":
            return r.choice(m.accusatives)
        if name == "verb":
            return r.choice(m.verbs)
        if name == "job":
            return r.choice(self.values.jobs)
        if name == "weekday":
            return r.choice(self.WEEKDAYS)
        if name == "weekday_a":
            return r.choice(self.WEEKDAYS_A)
        if name == "month_p":
            return r.choice(self.MONTHS_P)
        if name == "letter":
            return r.choice("АБВГДЕИКЛМНПРС")
        if name == "money":
            return self.money(["руб.", "рублей", "₽", "р.", "тыс. руб.", "$", "€"])
        return self.plain(name)


def normalised(text):
    text = unicodedata.normalize("NFKC", text)
    return re.sub("[‐-―−]", "-", text)


def line_of(pieces):
    """The line of a corpus."""
    out, spans, at = "", [], 0
    for text, entity in pieces:
        text = normalised(text)
        size = len(text.encode())
        if entity:
            spans.append(f"{at} {at + size} {entity}")
        at += size
        out += text
    escaped = out.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return escaped + "\t" + ";".join(spans)


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
        pieces, some = Text(), False
        for i in range(r.choice([1, 1, 1, 2, 2, 3])):
            if i:
                pieces.add(r.choice([" ", " ", "\n", "\n\n", " "]))
            own = r.random() < 0.25
            some = some or not own
            pieces.extend(r.choice(plain if own else forms).fill(r, filler.slot))
        yield line_of(changed(pieces, r, 0.08, 0.03) if some else changed(pieces, r, 0.2, 0.03))


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


def varied(pieces, english, r):
    """The same text about others."""
    out = Text()
    for text, entity in pieces:
        if entity == "PERSON" and r.random() < 0.8:
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
                if len(one) > 1:
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
        for row, reported in public_rows(public):
            if reported:
                continue
            pieces = public_pieces(row)
            train += [line_of(pieces)] * 6
            train += [line_of(changed(varied(pieces, english, r), r, 0.06, 0.02)) for _ in range(24)]
        write(out / "report.tsv", [line_of(public_pieces(row)) for row, reported in public_rows(public) if reported])
    write(out / "train.tsv", train)
    english, russian = English(5), Russian(6, values)
    english.unseen = russian.unseen = 0.3
    write(out / "calibrate.tsv", list(generated(english, en, plain_en, 4_000)) + list(generated(russian, ru, plain_ru, 4_000)))
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
