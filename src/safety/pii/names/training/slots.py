"""Templates of sentences, and what both languages fill them with."""
import hashlib
import pathlib
import random
import re

HERE = pathlib.Path(__file__).parent


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
        self.is_set_aside = hashed("set aside " + line) < 16

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
