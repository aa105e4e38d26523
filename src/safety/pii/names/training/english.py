"""Fills English templates."""
import re

import values_en
from slots import Filler


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
        if name in ("gpe", "country") and self.chance(0.12):
            return out.add(self.random.choice(["the ", "the ", "The "])).add(self.random.choice(values_en.WITH_ARTICLE), "GPE")
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
        if name == "sp":
            return " " * r.choice([0, 0, 1, 3])
        if name == "brand":
            return r.choice(["Visa", "Mastercard", "MasterCard", "Maestro", "American Express", "Amex", "Apple Pay", "Google Pay", "PayPal", "SWIFT", "SEPA", "Bitcoin",
                             "iPhone", "Android", "VISA", "visa", "mastercard", "apple pay", "google pay", "PIN", "Revolut card", "ATM", "CVV", "EUR", "USD", "GBP"])
        return self.plain(name)
