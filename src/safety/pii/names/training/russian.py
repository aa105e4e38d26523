"""Fills Russian templates."""
import values_ru
from slots import Filler


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
