"""What Russian slots are filled with, in the cases that the OpenCorpora dictionary gives."""
import collections
import importlib
import re

import pymorphy3

CASES = {"n": "nomn", "g": "gent", "d": "datv", "a": "accs", "i": "ablt", "p": "loct"}
KINDS = ("Name", "Surn", "Patr", "Geox", "Orgn")
KNOWN_ORGANISATIONS = ["Сбербанк", "Газпром", "Яндекс", "Тинькофф", "Т-Банк", "ВТБ", "Альфа-Банк", "Роснефть", "Лукойл", "РЖД", "Аэрофлот", "МТС",
    "МегаФон", "Билайн", "Ростелеком", "Магнит", "Пятёрочка", "Перекрёсток", "Лента", "Ашан", "Озон", "Ozon", "Wildberries", "Вайлдберриз",
    "Авито", "ВКонтакте", "Почта России", "Росатом", "Роскосмос", "Ростех", "Норникель", "Северсталь", "Сибур", "Татнефть", "Транснефть",
    "Новатэк", "Русал", "Камаз", "АвтоВАЗ", "Росгосстрах", "Ингосстрах", "СберМаркет", "Райффайзенбанк", "Газпромбанк", "Совкомбанк",
    "Россельхозбанк", "Промсвязьбанк", "Почта Банк", "Росбанк", "Мосэнерго", "Мосгаз", "Мосводоканал", "Спортмастер", "ДНС", "М.Видео", "Эльдорадо",
    "Леруа Мерлен", "Икея", "Макдоналдс", "Вкусно и точка", "Додо Пицца", "Самокат", "Деливери Клаб", "СДЭК", "Боксберри", "Деловые линии", "Победа",
    "Уральские авиалинии", "Касперский", "Лаборатория Касперского", "Мосбиржа", "Центробанк", "Роскомнадзор", "Роспотребнадзор", "Росреестр",
    "Пенсионный фонд", "Сколково", "Эрмитаж", "Большой театр", "Третьяковская галерея", "Спартак", "Зенит", "ЦСКА", "Динамо", "Майкрософт", "Гугл",
    "Google", "Microsoft", "Apple", "Samsung", "Самсунг", "Тойота", "Сименс", "Нестле", "КПМГ", "Делойт", "Ситимобил", "Убер", "Норильский никель"]
UNIVERSITIES = ["МГУ", "СПбГУ", "МГИМО", "МФТИ", "МГТУ имени Баумана", "ВШЭ", "РУДН", "МИФИ", "Казанский университет", "Томский университет",
    "Московский университет", "Новосибирский университет", "Уральский университет", "Плехановский университет", "Финансовый университет"]
FORMS = ["ООО", "ООО", "ООО", "АО", "ПАО", "ОАО", "ЗАО", "НКО", "ГУП", "МУП", "ФГУП", "ТОО", "АНО", "КФХ", "НПО", "ГБУ", "МБОУ"]
PARTS = """Строй Тех Пром Снаб Энерго Транс Мед Агро Авто Нефте Газ Лес Метал Хим Инвест Фин Сервис Торг Мир Дом Групп Трейд Логистик Софт Инфо
Телеком Медиа Фарм Проект Монтаж Мебель Текстиль Продукт Маркет Центр Союз Альянс Гарант Капитал Консалт Ресурс Престиж Стиль Плюс Интер Евро
Рос Мос Сиб Урал Волга Юг Север Восток Дон Нева Балт Русь Аква Эко Био Вита Альфа Бета Омега Гамма Вектор Импульс Старт Прогресс Гермес Атлант
Титан Феникс Орион Сатурн Меркурий Заря Восход Рассвет Берёзка Ромашка Василёк Радуга Солнышко Сказка Уют Комфорт Надежда Победа Маяк Луч""".split()
STREET_KINDS = {  # the abbreviations, the gender of the word, and its cases
    "улица": (["ул.", "ул"], "f"), "проспект": (["пр-т", "пр.", "просп.", "пр-кт"], "m"), "переулок": (["пер.", "пер"], "m"),
    "бульвар": (["б-р", "бул.", "бульв."], "m"), "шоссе": (["ш.", "ш"], "n"), "набережная": (["наб."], "f"), "площадь": (["пл."], "f"),
    "проезд": (["пр-д", "проезд"], "m"), "аллея": (["алл.", "ал."], "f"), "тупик": (["туп.", "тупик"], "m")}
STREET_WEIGHTS = [60, 16, 10, 5, 4, 3, 4, 4, 2, 1]
STREETS = """Тверская Арбат Невский Лиговский Садовая Гороховая Большая Малая Верхняя Нижняя Никитская Покровка Мясницкая Пятницкая Ордынка Полянка
Лубянка Сретенка Петровка Литейный Каменноостровский Московский Ленинградский Ленинский Кутузовский Рязанский Волгоградский Варшавское Каширское
Дмитровское Можайское Ярославское Красный Вознесенский Комсомольский Октябрьский Университетский Нахимовский""".split()
TITLES = ["господин", "госпожа", "г-н", "г-жа", "Господин", "Госпожа", "Г-н", "Г-жа"]
NATIONALITIES = """русский татарин украинец белорус казах узбек армянин грузин немец француз англичанин американец китаец башкир чуваш
еврей якут бурят киргиз таджик россиянин россиянка украинка немка француженка американка японец кореец итальянец испанец поляк чех финн""".split()


def part(name):
    return importlib.import_module(f"faker.providers.{name}.ru_RU").Provider


def titled(word):
    """Capitals where a name has them: not in -на-."""
    return "-".join(x if x in ("на", "де", "ла", "эль", "аль") and i else x[:1].upper() + x[1:] for i, x in enumerate(word.split("-")))


class Morphology:
    def __init__(self):
        self.analyzer = pymorphy3.MorphAnalyzer(lang="ru")
        self.forms = {kind: collections.defaultdict(dict) for kind in KINDS}  # kind: (lemma, gender) -> case -> form
        self.nouns, self.accusatives, self.verbs, self.adverbs, self.common = [], [], [], [], set()
        self.phrases = {}
        cases = {f"{number},{case}": case for number in ("sing",) for case in CASES.values()}
        for word, tag, lemma, _, _ in self.analyzer.dictionary.iter_known_words():
            text = str(tag)
            kind = next((k for k in KINDS if k in text), None)
            if kind is None:
                if text.startswith("NOUN,inan") and not any(x in text for x in ("Abbr", "Infr", "Slng", "Arch", "Erro", "Trad", "Dist")):
                    if text.endswith("sing,nomn"):
                        self.nouns.append(word)
                        self.common.add(word)
                    elif text.endswith("sing,accs"):
                        self.accusatives.append(word)
                elif text.startswith("VERB") and "3per" in text and text.endswith("sing,3per,pres,indc"):
                    self.verbs.append(word)
                elif text.startswith(("NOUN", "ADJF")) and text.endswith(("sing,nomn", "masc,sing,nomn")):
                    self.common.add(word)
                continue
            if any(x in text for x in ("Abbr", "Init", "Erro", "Dist")):
                continue
            ending = text.rsplit(" ", 1)[-1].split(",")
            case = ending[-1]
            if case not in CASES.values():
                continue
            number = "sing" if "sing" in ending else "plur"
            gender = next((x for x in ("masc", "femn", "neut", "ms-f", "GNdr") if x in text), "masc")
            if number == "plur":
                gender = "plur"
            self.forms[kind][lemma, gender].setdefault(case, word)
        complete = lambda table: {k: v for k, v in sorted(table.items()) if len(v) == 6 and k[0].replace("-", "").isalpha()}
        self.forms = {kind: complete(table) for kind, table in self.forms.items()}
        for kind in ("Geox", "Orgn"):  # a plural only where there is no singular
            single = {lemma for lemma, gender in self.forms[kind] if gender != "plur"}
            self.forms[kind] = {k: v for k, v in self.forms[kind].items() if k[1] != "plur" or k[0] not in single}
        for words in (self.nouns, self.accusatives, self.verbs):
            words[:] = sorted(x for x in set(words) if x.isalpha() and len(x) > 2)

    def phrase(self, text, case):
        """Words up to and with the first noun are inflected, the others stay."""
        if case == "n":
            return text
        if (text, case) not in self.phrases:
            self.phrases[text, case] = self._phrase(text, CASES[case])
        return self.phrases[text, case]

    def _phrase(self, text, case):
        out, done = [], False
        for word in text.split(" "):
            if done or not re.fullmatch(r"[А-ЯЁа-яё-]+", word) or (word.isupper() and len(word) > 1):
                out.append(word)
                done = done or word.isupper()
                continue
            parses = [x for x in self.analyzer.parse(word.lower()) if "nomn" in x.tag and x.tag.POS in ("NOUN", "ADJF", "PRTF")]
            parses.sort(key=lambda x: ("Geox" not in x.tag, "Orgn" not in x.tag, x.tag.POS != "NOUN"))
            if not parses:
                out.append(word)
                done = True
                continue
            one = parses[0]
            wanted = {case}
            if one.tag.POS != "NOUN" and case == "accs" and one.tag.number != "plur" and one.tag.gender == "masc":
                wanted.add("inan")
            form = one.inflect(wanted)
            form = form.word if form else word
            out.append(titled(form) if word[:1].isupper() else form)
            done = one.tag.POS == "NOUN"
        return " ".join(out)


def surname_forms(lemma, gender):
    """The cases of a Russian surname that is in no dictionary; None if it has another ending."""
    w = lemma
    if gender == "m":
        if re.search(r"(ов|ев|ёв|ин|ын)$", w):
            return dict(zip("ngdaip", (w, w + "а", w + "у", w + "а", w + "ым", w + "е")))
        if re.search(r"(ск|цк)ий$", w):
            b = w[:-2]
            return dict(zip("ngdaip", (w, b + "ого", b + "ому", b + "ого", b + "им", b + "ом")))
    else:
        if re.search(r"(ова|ева|ёва|ина|ына)$", w):
            b = w[:-1]
            return dict(zip("ngdaip", (w, b + "ой", b + "ой", b + "у", b + "ой", b + "ой")))
        if w.endswith("ая"):
            b = w[:-2]
            return dict(zip("ngdaip", (w, b + "ой", b + "ой", b + "ую", b + "ой", b + "ой")))
    return None


class Values:
    """Tables of forms: lists of {case letter: form}."""

    def __init__(self):
        self.morphology = m = Morphology()
        letters = {v: k for k, v in CASES.items()}
        table = lambda kind, genders: [{letters[c]: titled(f) for c, f in forms.items()} for (_, g), forms in m.forms[kind].items() if g in genders]
        self.first = {"m": table("Name", ("masc", "ms-f")), "f": table("Name", ("femn",))}
        self.last = {"m": table("Surn", ("masc", "ms-f")), "f": table("Surn", ("femn", "ms-f")), "pl": table("Surn", ("plur",))}
        self.patronymic = {"m": table("Patr", ("masc",)), "f": table("Patr", ("femn",))}
        person = part("person")
        analysed = lambda word: {c: m.phrase(word, c) for c in CASES}
        self.common_first = {"m": self._forms("Name", person.first_names_male, ("masc", "ms-f")),
                             "f": self._forms("Name", person.first_names_female, ("femn",))}
        self.common_last = {g: [x for x in (surname_forms(n, g) for n in names) if x]
                            for g, names in (("m", person.last_names_male), ("f", person.last_names_female))}
        middle = lambda names, g: self._forms("Patr", names, (g,))
        self.common_patronymic = {"m": middle(person.middle_names_male, "masc"), "f": middle(person.middle_names_female, "femn")}
        address = part("address")
        clean = lambda names: sorted({re.sub(r"\s*\(.*\)", "", x) for x in names})
        self.countries = [analysed(x) for x in clean(address.countries)] + [{c: x for c in CASES} for x in ("США", "ОАЭ", "РФ", "КНР")]
        self.countries += [analysed(x) for x in ("Россия", "Украина", "Англия", "Голландия", "Корея", "Европа", "Сибирь", "Крым", "Чехия", "Америка")] * 2
        self.cities = [analysed(x) for x in clean(address.city_names)]
        big = """Москва Санкт-Петербург Новосибирск Екатеринбург Казань Самара Омск Челябинск Уфа Пермь Воронеж Волгоград Краснодар Саратов Тюмень
        Тольятти Ижевск Барнаул Ульяновск Иркутск Хабаровск Ярославль Владивосток Махачкала Томск Оренбург Кемерово Рязань Астрахань Пенза Липецк
        Тула Киров Чебоксары Калининград Курск Ставрополь Сочи Тверь Брянск Иваново Белгород Сургут Владимир Чита Смоленск Мурманск Вологда Псков
        Минск Киев Харьков Одесса Алматы Ташкент Баку Ереван Тбилиси Рига Берлин Париж Лондон Рим Мадрид Вена Прага Варшава Хельсинки Стамбул Дубай
        Пекин Токио Нью-Йорк Барселона Анталья Милан Мюнхен Стокгольм Питер Петербург""".split()
        self.big_cities = [analysed(x) for x in big + ["Нижний Новгород", "Набережные Челны", "Великий Новгород", "Ростов-на-Дону", "Старый Оскол",
                                                      "Нижний Тагил", "Верхняя Пышма", "Белые Столбы", "Минеральные Воды", "Сергиев Посад"]]
        self.geography = table("Geox", ("masc", "femn", "neut", "plur", "GNdr"))
        self.regions = [analysed(f"{x} область") for x in address.region_oblast] + [analysed(f"{x} край") for x in address.region_krai]
        self.regions += [analysed(x) for x in ("Татарстан", "Башкирия", "Якутия", "Карелия", "Дагестан", "Чечня", "Подмосковье", "Кубань", "Урал")]
        company = part("company")
        large = sorted({x for x in company.large_companies if "(" not in x})
        self.companies = [analysed(x) for x in KNOWN_ORGANISATIONS + large]
        self.organisations = table("Orgn", ("masc", "femn", "neut"))
        self.universities = [analysed(x) for x in UNIVERSITIES]
        self.prefixes, self.suffixes = company.company_prefixes, company.company_suffixes
        self.titles_f = sorted(set(address.street_titles) - set(address.street_titles_noflex))
        self.masculine, self.neuter = address.street_titles_irregular_masc, address.street_titles_irregular_neu
        self.titles_fixed = sorted(address.street_titles_noflex)
        self.jobs = sorted({x.lower() for x in part("job").jobs if " " not in x})
        cases = lambda word: {c: m.phrase(word, c) for c in CASES}
        self.kinds = {k: cases(k) for k in STREET_KINDS}
        self.kinds["набережная"] = dict(zip("ngdaip", ("набережная", "набережной", "набережной", "набережную", "набережной", "набережной")))
        self.adjectives = {}

    def _forms(self, kind, names, genders):
        table = self.morphology.forms[kind]
        letters = {v: k for k, v in CASES.items()}
        out = []
        by_form = {}
        for (lemma, gender), forms in table.items():
            if gender in genders:
                by_form.setdefault(forms["nomn"].replace("ё", "е"), forms)
        for name in names:
            forms = by_form.get(name.lower().replace("ё", "е"))
            if forms:
                out.append({letters[c]: titled(f) for c, f in forms.items()})
        return out

    def adjective(self, title, gender):
        """Садовая -> the cases of Садовый, Садовое."""
        if (title, gender) not in self.adjectives:
            soft = title.endswith("яя")
            base = title[:-2]
            if gender == "f":
                forms = (title, "ей", "ей", "юю", "ей", "ей") if soft else (title, "ой", "ой", "ую", "ой", "ой")
            else:
                first = self.masculine.get(title) if gender == "m" else self.neuter.get(title)
                velar = base[-1:] in "гкх"
                if not first:
                    ending = ("ий" if soft or velar else "ый") if gender == "m" else ("ее" if soft else "ое")
                    first = base + ending
                forms = (first, "его", "ему", first, "им", "ем") if soft else (first, "ого", "ому", first, "им" if velar else "ым", "ом")
            self.adjectives[title, gender] = {c: f if f[:1].isupper() else base + f for c, f in zip("ngdaip", forms)}
        return self.adjectives[title, gender]
