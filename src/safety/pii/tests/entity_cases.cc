#include "safety/pii/tests/entity_cases.h"

// Numbers are made up; those with check digits were checked with python-stdnum, base58 and bech32 of PyPI, or are the
// examples of their specifications.
namespace fairlead::pii {
namespace {

constexpr EntityCase kCases[] = {
    {"CREDIT_CARD", "I lost ", "4768140179099146", " yesterday"},
    {"CREDIT_CARD", "", "4111 1111 1111 1111", " 12/27"},
    {"CREDIT_CARD", "pay with ", "5412-6553-7870-3930", "."},
    {"CREDIT_CARD", "", "2223176815473322", ""},
    {"CREDIT_CARD", "Мир ", "2200 0105 1779 0237", ", срок 11/29"},
    {"CREDIT_CARD", "карта ", "2204107034715691", ""},
    {"CREDIT_CARD", "amex ", "3712 913570 02142", ""},
    {"CREDIT_CARD", "card ", "36224033510433", ""},
    {"CREDIT_CARD", "card ", "4044829702582", ""},
    {"CREDIT_CARD", "JCB ", "3530779775025895", ""},
    {"CREDIT_CARD", "", "6011074234832987", ""},
    {"CREDIT_CARD", "UnionPay ", "6212465230219194", ""},
    {"CREDIT_CARD", "4 groups: ", "5018 2666 7178 3906", ""},
    {"IBAN_CODE", "IBAN ", "DE89370400440532013000", ""},
    {"IBAN_CODE", "to ", "GB29 NWBK 6016 1331 9268 19", " please"},
    {"IBAN_CODE", "", "FR14 2004 1010 0505 0001 3M02 606", ""},
    {"IBAN_CODE", "(", "nl91abna0417164300", ")"},
    {"IBAN_CODE", "", "IT60X0542811101000000123456", ""},
    {"EMAIL_ADDRESS", "write to ", "maria.keller+bank@mail.example.co.uk", "."},
    {"EMAIL_ADDRESS", "mailto:", "o'brien@example.com", ""},
    {"EMAIL_ADDRESS", "<", "x_1@xn--e1afmkfd.xn--p1ai", ">"},
    {"EMAIL_ADDRESS", "почта ", "иван@пример.рф", ","},
    {"DOMAIN_NAME", "see ", "https://example.com/a?b=c(d)#e", "."},
    {"DOMAIN_NAME", "", "www.example.org/path", ", then"},
    {"DOMAIN_NAME", "go to ", "example.ru", " now"},
    {"IP_ADDRESS", "from ", "192.168.17.4", ":8080"},
    {"IP_ADDRESS", "", "2001:db8:85a3::8a2e:370:7334", ""},
    {"IP_ADDRESS", "[", "fe80::1ff:fe23:4567:890a", "]"},
    {"MAC_ADDRESS", "mac ", "00:1A:2b:3C:4d:5E", ""},
    {"MAC_ADDRESS", "", "00-1A-2B-3C-4D-5E", ""},
    {"MAC_ADDRESS", "", "001a.2b3c.4d5e", ""},
    {"PHONE_NUMBER", "call ", "+1 415-555-2671", ""},
    {"PHONE_NUMBER", "", "(415) 555-2671", ""},
    {"PHONE_NUMBER", "fax ", "+44 20 7946 0958", ""},
    {"PHONE_NUMBER", "позвоните ", "+7 (916) 123-45-67", ""},
    {"PHONE_NUMBER", "тел. ", "8 916 123-45-67", ""},
    {"PHONE_NUMBER", "мой телефон ", "89161234567", ""},
    {"PHONE_NUMBER", "", "+49 30 901820", ""},
    {"CRYPTO_ADDRESS", "send to ", "1GW8HRGLLYot5XNTRXoDB7ctURe6ioUoSa", ""},
    {"CRYPTO_ADDRESS", "", "3CvB2tm94qDAuWvuk8ncYTb7ys7g5UekfD", ""},
    {"CRYPTO_ADDRESS", "", "TQ8WG79gT7e81CguuqDGQ3SkeSskqq36zT", ""},
    {"CRYPTO_ADDRESS", "", "bc1q6l9ahryx0prl2y274uejny5ynruremnhm98n93", ""},
    {"CRYPTO_ADDRESS", "", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", ""},   // BIP 350
    {"CRYPTO_ADDRESS", "", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ""},                          // EIP-55
    {"DATE_TIME", "due ", "11/3/1995", ""},
    {"DATE_TIME", "с ", "12.05.2021", " по"},
    {"DATE_TIME", "", "2021-05-12", ""},
    {"DATE_TIME", "since ", "May 12th, 1990", ""},
    {"DATE_TIME", "", "12 мая 1990", " года"},
    {"DATE_OF_BIRTH", "I was born on ", "2/8/1935", ""},
    {"DATE_OF_BIRTH", "дата рождения: ", "12.05.1990", ""},
    {"DATE_OF_BIRTH", "DOB ", "12 May 1990", ""},
    {"PASSPORT", "my passport ", "C01X0006H", ""},
    {"PASSPORT", "passport no. ", "925076473", ""},
    {"BANK_ACCOUNT", "account number ", "12345678901", ""},
    {"US_SSN", "SSN ", "128-71-1733", ""},
    {"US_SSN", "social security number is ", "523042078", ""},
    {"US_ITIN", "ITIN: ", "912-88-0916", ""},
    {"US_DRIVER_LICENSE", "driver's license number is ", "D6940579", ""},
    {"US_DRIVER_LICENSE", "my driver's license: ", "2270-66-1551", ""},
    {"US_BANK_ROUTING", "routing ", "021081875", ""},
    {"UK_NHS", "NHS number ", "364 959 9716", ""},
    {"UK_NINO", "", "AB 12 34 56 C", ""},
    {"UK_NINO", "NINO ", "JG103759A", ""},
    {"DE_TAX_ID", "Steuer-ID ", "22381567927", ""},
    {"FR_NIR", "", "185057518878327", ""},
    {"FR_NIR", "", "1 85 05 75 188 783 27", ""},
    {"FR_NIR", "", "185052A88399472", ""},
    {"ES_DNI", "DNI ", "39348471W", ""},
    {"ES_DNI", "", "06267533-X", ""},
    {"ES_NIE", "", "Y2113668M", ""},
    {"IT_FISCAL_CODE", "", "RSSMRA85T10A562S", ""},
    {"PL_PESEL", "PESEL ", "92031650301", ""},
    {"NL_BSN", "BSN ", "140340269", ""},
    {"RU_INN", "ИНН ", "7794580730", ""},
    {"RU_INN", "ИНН: ", "503230964070", ", КПП"},
    {"RU_INN", "инн", "7721573681", ""},
    {"RU_SNILS", "", "659-171-287 29", ""},
    {"RU_SNILS", "СНИЛС ", "27159030670", ""},
    {"RU_OGRN", "ОГРН ", "1027716062307", ""},
    {"RU_OGRNIP", "ОГРНИП ", "304771703896184", ""},
    {"RU_KPP", "КПП ", "770701001", ""},
    {"RU_BIK", "БИК ", "044525225", ""},
    {"RU_BANK_ACCOUNT", "р/с ", "40702810493976242331", ""},
    {"RU_OMS", "полис ОМС ", "7765646850597964", ""},
    {"RU_PASSPORT", "паспорт ", "4510 123456", ""},
    {"RU_PASSPORT", "Паспорт: серия ", "45 10 123456", ""},
    {"RU_CAR_PLATE", "машина ", "А123ВС77", ""},
    {"RU_CAR_PLATE", "", "К 456 МН 799", ""},
    {"RU_CAR_PLATE", "госномер ", "A123BC177", ""},
    {"SECRET", "key ", "AKIAIOSFODNN7EXAMPLE", ""},
    {"SECRET", "", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", ""},
    {"SECRET", "use ", "sk-proj-4f9aQ2xZbT7LmN1cVr8sKd", ""},
    {"SECRET", "password: ", "Tr0ub4dor&3", ""},
    {"SECRET", "мой пароль: ", "qwe12345", ""},
    {"SECRET", "token=", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", ""},
    {"SECRET", "bot ", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", ""},
    {"SECRET", "", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", ""},
    {"SECRET", "", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIAx\n-----END EC PRIVATE KEY-----", "\n"},
};

constexpr std::string_view kNearMisses[] = {
    "card 4768140179099147",                         // Luhn
    "number 1768140179099149",                       // no issuer
    "2205176815473322",                              // Luhn
    "IBAN DE89370400440532013001",                   // mod 97
    "IBAN DE8937040044053201300",                    // too short for its country
    "XX89370400440532013000",                        // no country
    "ivan@localhost", "@ivan", "a@b", "price @ 5.50 each", "ivan@.com",
    "e.g. this", "Node.js and so on", "file.txt",
    "version 1.2.3.4000", "256.1.1.1", "1.2.3", "10:20:30", "a::b", "std::vector",
    "00:1A:2B:3C:4D", "00:1A:2B:3C:4D:5G",
    "call 12", "+1 999", "+0 123 456 789",
    "1GW8HRGLLYot5XNTRXoDB7ctURe6ioUoSb", "bc1q6l9ahryx0prl2y274uejny5ynruremnhm98n94",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
    "31/31/1995", "30.02.2021", "2021-13-01", "It may be 5 or 6", "2021-05-12T10:00:00Z",
    "000-12-3456", "666-12-3456", "123-00-4567", "123-45-0000", "912-67-0916",
    "NHS number 3649599717", "BG 12 34 56 C", "QQ123456C", "AB 12 34 56 E",
    "Steuer-ID 22381567928", "185057518878328", "39348471T", "Y2113668N", "RSSMRA85T10A562T",
    "PESEL 92031650302", "PESEL 92133650308", "BSN 140340268",
    "ИНН 7794580731", "ИНН 503230964071", "659-171-287 30", "ОГРН 1027716062308", "ОГРНИП 304771703896185",
    "БИК 144525225", "7794580730", "92031650301", "770701001",
    "А123ЯЖ77", "А000ВС77", "А123ВС00",
    "AKIAIOSFODNN7EXAMPL", "my password is long", "token", "sk-aaaaaaaaaaaaaaaaaaaaaaaa", "password: ********", "password: <yours>",
    "eyJhbGciOiJIUzI1NiJ9.abc",
};

}  // namespace

std::span<const EntityCase> entity_cases() {
  return kCases;
}
std::span<const std::string_view> near_misses() {
  return kNearMisses;
}

}  // namespace fairlead::pii
