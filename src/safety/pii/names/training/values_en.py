"""What English slots are filled with."""
import importlib

CITIES = """London Paris Berlin Madrid Rome Vienna Prague Warsaw Budapest Lisbon Dublin Brussels Amsterdam Copenhagen Stockholm Oslo
Helsinki Athens Moscow Kyiv Minsk Riga Vilnius Tallinn Istanbul Ankara Cairo Lagos Nairobi Accra Casablanca Tunis Algiers Johannesburg
Durban Pretoria Dubai Doha Riyadh Jeddah Baghdad Tehran Kabul Karachi Lahore Islamabad Delhi Mumbai Bangalore Chennai Kolkata Hyderabad
Dhaka Colombo Kathmandu Bangkok Hanoi Jakarta Manila Singapore Seoul Busan Tokyo Osaka Kyoto Nagoya Beijing Shanghai Shenzhen Guangzhou
Chengdu Taipei Sydney Melbourne Brisbane Perth Adelaide Canberra Auckland Wellington Christchurch Toronto Montreal Vancouver Ottawa
Calgary Edmonton Winnipeg Chicago Houston Phoenix Philadelphia Dallas Austin Seattle Denver Boston Detroit Memphis Nashville Portland
Baltimore Milwaukee Albuquerque Tucson Fresno Sacramento Atlanta Miami Tampa Orlando Cleveland Pittsburgh Cincinnati Minneapolis Omaha
Tulsa Oakland Honolulu Anchorage Boise Tijuana Monterrey Guadalajara Havana Bogota Medellin Caracas Quito Lima Santiago Montevideo
Brasilia Recife Salvador Fortaleza Curitiba Manaus Cordoba Rosario Mendoza Munich Hamburg Cologne Frankfurt Stuttgart Dresden Leipzig
Bremen Hanover Nuremberg Lyon Marseille Toulouse Nice Bordeaux Lille Strasbourg Nantes Milan Naples Turin Florence Venice Bologna Genoa
Palermo Barcelona Valencia Seville Malaga Bilbao Zaragoza Porto Manchester Liverpool Birmingham Leeds Sheffield Bristol Cardiff Glasgow
Edinburgh Aberdeen Belfast Cork Galway Zurich Geneva Basel Bern Salzburg Graz Innsbruck Krakow Gdansk Wroclaw Poznan Lodz Brno Ostrava
Bratislava Ljubljana Zagreb Split Sarajevo Belgrade Skopje Sofia Varna Bucharest Cluj Chisinau Odessa Lviv Kharkiv Tbilisi Yerevan Baku
Tashkent Almaty Astana Bishkek Dushanbe Ulaanbaatar Novosibirsk Kazan Samara Omsk Sochi Murmansk Vladivostok Reykjavik Gothenburg Malmo
Bergen Aarhus Odense Tampere Turku Rotterdam Utrecht Eindhoven Antwerp Ghent Bruges Luxembourg Monaco Valletta Nicosia Beirut Damascus
Amman Jerusalem Haifa Kuwait Manama Muscat Sanaa Khartoum Kampala Kigali Lusaka Harare Maputo Luanda Kinshasa Dakar Bamako Abidjan
Akureyri Kobe Sapporo Fukuoka Wuhan Harbin Macau Phuket Cebu Davao Surabaya Penang Yangon""".split()
CITIES += ["New York", "Los Angeles", "San Francisco", "San Diego", "San Antonio", "Las Vegas", "New Orleans", "Salt Lake City",
           "Kansas City", "St. Louis", "Mexico City", "Buenos Aires", "Rio de Janeiro", "Sao Paulo", "Cape Town", "Tel Aviv", "Abu Dhabi",
           "Hong Kong", "Kuala Lumpur", "Ho Chi Minh City", "New Delhi", "Addis Ababa", "Dar es Salaam", "Saint Petersburg",
           "Nizhny Novgorod", "Hague", "Den Haag", "La Paz", "Santa Cruz", "San Jose", "Panama City", "Quebec City", "Fort Worth",
           "El Paso", "Long Beach", "Newcastle upon Tyne", "Stoke-on-Trent", "Milton Keynes", "Aix-en-Provence", "Frankfurt am Main",
           "Gold Coast", "Port Elizabeth", "Santo Domingo", "Guatemala City", "Belo Horizonte", "Porto Alegre"]
COUNTRIES = """England Scotland Wales Britain USA UK US America Russia Iran Syria Vietnam Laos Bolivia Venezuela Tanzania Moldova
Taiwan Palestine Macedonia Korea Holland UAE Czechia Ireland Turkey Kosovo Scandinavia Siberia Bavaria Catalonia Tuscany Europe Asia Africa""".split() + [
    "South Korea", "North Korea", "Ivory Coast", "Great Britain", "Northern Ireland", "Saudi Arabia", "Netherlands",
    "United States", "United Kingdom", "Philippines", "EU", "Cyprus (Greek)"]
WITH_ARTICLE = ["US", "UK", "USA", "EU", "UAE", "United States", "United Kingdom", "Netherlands", "Philippines", "Czech Republic", "Bahamas", "Maldives",
                "Gambia", "Congo", "Dominican Republic", "European Union", "European Economic Area", "U.S.", "U.K.", "U.S.A.", "States", "Emirates", "Caribbean", "Balkans", "Hague", "Midlands", "Bronx"]
NATIONALITIES = """American British English Scottish Welsh Irish French German Italian Spanish Portuguese Dutch Belgian Swiss Austrian Polish
Czech Slovak Hungarian Romanian Bulgarian Greek Turkish Russian Ukrainian Belarusian Latvian Lithuanian Estonian Finnish Swedish
Norwegian Danish Icelandic Croatian Serbian Bosnian Slovenian Albanian Macedonian Israeli Lebanese Syrian Iraqi Iranian Saudi Egyptian
Moroccan Tunisian Algerian Nigerian Kenyan Ethiopian Ghanaian Somali Indian Pakistani Bangladeshi Afghan Nepalese Chinese Japanese Korean
Vietnamese Thai Filipino Indonesian Malaysian Australian Canadian Mexican Brazilian Argentine Argentinian Chilean Peruvian Colombian
Venezuelan Cuban Jamaican Haitian Armenian Georgian Azerbaijani Kazakh Uzbek Tatar Jewish Muslim Christian Catholic Buddhist Hindu Sikh
Orthodox Protestant Arab Kurdish African European Asian Hispanic Latino Caucasian Cypriot Maltese Uruguayan Ecuadorian Tanzanian
Ugandan Zimbabwean Angolan Cambodian Laotian Mongolian Republican Democrat""".split()
NOUNS_OF_ORGANISATIONS = """Group Systems Analytics Bank Airlines Insurance Technologies Labs Holdings Partners Capital Energy Motors
Foods Pharma Logistics Media Studios Software Solutions Industries Consulting Services Corporation Networks Health Security Data Research
Institute Foundation Trust University College Hospital Records Press Books Movers Lines Express Realty Ventures Robotics Digital Mobile
Electric Steel Chemicals Brewery Bakery Hotel Clinic Museum Orchestra Association Society Council Union Federation Agency Authority
Brothers Airways Telecom Semiconductors Markets Payments Interactive Biosciences Therapeutics Securities Advisors Exchange""".split()
FIRST_OF_ORGANISATIONS = """Global National United American First General Royal Pacific Atlantic Northern Southern Western Eastern Central
International Universal Advanced Applied Modern Blue Red Green Golden Silver Bright Smart Open Clear Prime Summit Pioneer Liberty
Heritage Metro Urban Coastal Alpine Civic Public Quantum Digital Cyber Solar Micro Macro Inter Trans Euro Nordic Baltic Boston Chicago
London Oxford Cambridge Texas California Chemical Medical Financial Commercial Industrial Educational Environmental Data Cloud Market
Health Energy Overture Compendia Bridge Harbor Castle Eagle Lion Falcon Phoenix Orion Apollo Atlas""".split()
FORMS = ["Inc", "Inc.", "Ltd", "Ltd.", "LLC", "PLC", "GmbH", "AG", "S.A.", "Corp.", "Corp", "Co.", "& Co.", "Company", "Limited", "and Sons",
         "& Sons", "Corporation", "Group", "N.V.", "B.V.", "Oy", "AB", "SpA", "Pty Ltd", "LLP"]
KNOWN_ORGANISATIONS = ["Google", "Microsoft", "Amazon", "Apple", "Facebook", "Meta", "IBM", "Intel", "Oracle", "Cisco", "Tesla", "Toyota",
    "Honda", "Ford", "General Motors", "Boeing", "Airbus", "Siemens", "Bosch", "Samsung", "Sony", "Nokia", "Ericsson", "Huawei", "Alibaba",
    "Tencent", "Walmart", "Target", "Costco", "IKEA", "Tesco", "Lidl", "Aldi", "Carrefour", "Nestle", "Unilever", "Pfizer", "Novartis", "Bayer",
    "Merck", "HSBC", "Barclays", "Lloyds", "Santander", "Citibank", "JPMorgan Chase", "Goldman Sachs", "Morgan Stanley", "Deutsche Bank",
    "BNP Paribas", "UBS", "Credit Suisse", "Deloitte", "KPMG", "PwC", "Ernst & Young", "McKinsey", "Boston Consulting Group", "Accenture",
    "Shell", "BP", "ExxonMobil", "Chevron", "Total", "Gazprom", "Lufthansa", "British Airways", "Ryanair", "Delta", "United Airlines", "FedEx",
    "UPS", "DHL", "Uber", "Lyft", "Airbnb", "Netflix", "Spotify", "Disney", "Warner Bros", "CNN", "BBC", "Reuters", "Bloomberg", "The New York Times",
    "The Guardian", "NASA", "NATO", "UNESCO", "WHO", "FBI", "CIA", "MIT", "Harvard University", "Stanford University", "Yale", "Oxford University",
    "Red Cross", "Greenpeace", "Amnesty International", "World Bank", "European Commission", "Procter & Gamble", "Johnson & Johnson",
    "Coca-Cola", "PepsiCo", "McDonald's", "Starbucks", "Burger King", "Nike", "Adidas", "Zara", "H&M", "Volkswagen", "BMW", "Mercedes-Benz",
    "Renault", "Fiat", "Vodafone", "T-Mobile", "Verizon", "AT&T", "Comcast", "Salesforce", "Adobe", "SAP", "Slack", "Dropbox", "Stripe", "Zoom",
    "eBay", "Yahoo", "Twitter", "LinkedIn", "Reddit", "GitHub", "Mozilla", "Red Hat", "Nvidia", "AMD", "Qualcomm", "Dell", "Lenovo", "Philips",
    "Allianz", "AXA", "Zurich Insurance", "Aviva", "MetLife", "Kaiser Permanente", "Mayo Clinic", "Interpol", "Lehman Brothers"]
TITLES = ["Mr.", "Mrs.", "Ms.", "Dr.", "Mr", "Mrs", "Ms", "Dr", "Miss", "Prof.", "Professor", "Sir", "Madam", "mr.", "ms.", "mrs.", "Rev."]
# Streets as they are written elsewhere: what stands in front, or what the name ends with.
STREETS_BEFORE = ["Rue", "rue", "rue de la", "Avenue", "Av.", "Av", "Boulevard", "Via", "via", "Viale", "Piazza", "Calle", "C/", "Avenida", "Rua", "Plaza",
                  "Paseo", "ul.", "ulica", "Strada", "Str.", "Travessa", "Praceta", "Corso", "Carrer", "Chemin", "Place", "Al.", "Rambla"]
STREETS_BEHIND = ["straße", "strasse", "weg", "gasse", "platz", "allee", "vägen", "gatan", "gata", "vej", "vejen", "gade", "veien", "tie", "katu",
                  "straat", "laan", "plein", " utca", " út", " tér", " u.", "va", "ova", " tn", " mnt", "stígur", "braut", "kade", "dijk", "damm", "ring"]
SYLLABLES = """ka ri to ma ne lo va si da be gu ro mi la te no ha jo ve ki pa lu sa re ti bo na li do me wa ze che sko kov ska nen sen ssi
tho ber gar hol lin mar stad burg ford well wick ton ham by vik nes mor dal brun kar sten wald hof bach ner mann aka ola ira ovi ava elli ini
ez ado ena ica uz ar el in or an is os""".split()
ACCENTS = str.maketrans({"a": "á", "e": "é", "o": "ö", "u": "ü", "i": "í", "s": "š", "c": "č", "z": "ž", "n": "ñ"})
PLAIN_WORDS = """account card payment transfer balance refund order delivery parcel invoice receipt ticket booking flight hotel room table
phone number email address password code app website page button screen error message file folder report meeting project task team plan
budget price discount offer sale customer client manager support service question answer problem issue request answer help update version
release build server database network browser window keyboard mouse printer camera battery charger cable water coffee tea bread milk
sugar apple orange lemon onion garlic chicken fish rice pasta soup salad kitchen bedroom garden door window roof floor wall car bike bus
train station airport road bridge river lake sea beach forest mountain weather rain snow wind sun summer winter spring autumn morning
evening night today tomorrow yesterday week month year hour minute family mother father brother sister friend neighbor doctor nurse
teacher student school university library book newspaper music film game football tennis team coach player winner history science art
money bank loan mortgage insurance tax salary job interview contract lawyer court police government election law policy market economy
company business industry factory machine engine energy oil gas electricity health hospital medicine pain sleep exercise diet love life
death war peace freedom idea story letter word language translation voice sound picture color size weight speed temperature""".split()


def part(name, locale):
    try:
        return importlib.import_module(f"faker.providers.{name}.{locale}").Provider
    except ModuleNotFoundError:
        return None


def lists():
    first, last, places, countries = set(), set(), set(CITIES), set(COUNTRIES)
    for locale in ("en", "en_US", "en_GB", "en_IE", "en_IN", "en_KE", "en_NG", "en_NZ", "en_PK", "en_TH"):
        person = part("person", locale)
        for name in ("first_names", "first_names_male", "first_names_female"):
            first.update(getattr(person, name, None) or ())
        for name in ("last_names", "last_names_male", "last_names_female"):
            last.update(getattr(person, name, None) or ())
    for locale in ("en", "en_US", "en_GB", "en_AU", "en_CA", "en_IE", "en_IN", "en_NZ", "en_PH", "en_BD"):
        address = part("address", locale)
        for name in ("cities", "counties", "provinces", "states", "union_territories"):
            places.update(x for x in getattr(address, name, ()) if isinstance(x, str))
        countries.update(x for x in getattr(address, "countries", ()) if isinstance(x, str))
    return (sorted(x for x in first if x.isalpha() and len(x) > 1), sorted(x for x in last if len(x) > 1), sorted(places), sorted(countries))
