#include "safety/policy/internal/session.h"

#include <gmock/gmock.h>

#include <set>

#include "safety/policy/internal/filters.h"
#include "safety/policy/internal/text.h"
#include "safety/policy/tests/support.h"

namespace fairlead::policy {
namespace {

using ::testing::HasSubstr;

std::string restored(Session& session, std::string_view text) {
  Restorer restorer(session.pseudonyms(), false);
  std::string out;
  EXPECT_TRUE(restorer.push(text, true, out));
  return out;
}

class Names : public ::testing::Test {
 protected:
  std::string hide(std::string_view name) { return session.hide("PERSON", name, others); }
  Session session{tests::test_key(), "default"};
  Haystack others;
};

TEST_F(Names, KeepGenderAndCaseInRussian) {
  const std::string man = hide("Иван Петров");
  const auto space = man.find(' ');
  ASSERT_NE(space, std::string::npos);
  const std::string first = man.substr(0, space), last = man.substr(space + 1);
  // Whatever he is called now, it is the same in every case.
  EXPECT_EQ(hide("Петров"), last);
  EXPECT_EQ(hide("Иван"), first);
  EXPECT_NE(hide("Ивану Петрову"), man);
  EXPECT_EQ(restored(session, hide("Ивану Петрову")), "Ивану Петрову");
  EXPECT_EQ(restored(session, hide("Иваном Петровым")), "Иваном Петровым");
  EXPECT_EQ(hide("Анна Петрова").substr(hide("Анна Петрова").find(' ') + 1), last + "а") << "a family keeps its name";
}

TEST_F(Names, AreGivenBackInCasesThatTheModelChose) {
  hide("Мария Соколова");
  const std::string now = hide("Мария Соколова");
  const auto word = take_apart(folded_text(now.substr(0, now.find(' '))), nullptr);
  ASSERT_EQ(word.part, Part::kWoman) << now;
  const auto ends = endings(word.declension);
  const std::string first = now.substr(0, word.stem.size());
  const std::string last = now.substr(now.find(' ') + 1);
  const std::string stem = last.substr(0, last.size() - 2);  // without its а
  EXPECT_EQ(restored(session, "Позвоните " + first + std::string(ends[2]) + " " + stem + "ой."),
            "Позвоните Марии Соколовой.");
  EXPECT_EQ(restored(session, "для " + upper(now)), "для МАРИЯ СОКОЛОВА");
  EXPECT_EQ(restored(session, first + std::string(ends[0]) + ", здравствуйте"), "Мария, здравствуйте");
}

TEST_F(Names, KeepGenderInEnglish) {
  const std::string now = hide("Mary O'Brien");
  EXPECT_EQ(latin_part(folded_text(now.substr(0, now.find(' ')))), LatinPart::kWoman) << now;
  EXPECT_EQ(restored(session, "Dear " + now + "'s lawyer"), "Dear Mary O'Brien's lawyer");
  EXPECT_EQ(restored(session, now.substr(0, now.find(' ')) + " agrees"), "Mary agrees");
  EXPECT_EQ(restored(session, hide("MARY")), "MARY");
}

TEST_F(Names, NoTwoShareOneAndNoneIsAnyones) {
  const std::string text = "Антон Беликов и Вадим Голубев";
  others.add(text);
  std::set<std::string> seen;
  int count = 0;
  for (const char* const first :
       {"Иван", "Пётр", "Сергей", "Олег", "Юрий", "Максим", "Роман", "Денис", "Егор", "Глеб"}) {
    for (const char* const last : {"Иванов", "Петров", "Сидоров", "Кузнецов", "Попов", "Васильев", "Соколов",
                                   "Михайлов", "Новиков", "Фёдоров"}) {
      const std::string original = std::string(first) + " " + last, now = hide(original);
      EXPECT_TRUE(seen.insert(folded_text(now)).second) << now;
      EXPECT_THAT(now, Not(HasSubstr("Антон"))) << "stands in the text";
      EXPECT_THAT(now, Not(HasSubstr("Беликов")));
      EXPECT_EQ(restored(session, now), original);
      ++count;
    }
  }
  EXPECT_EQ(count, 100);
}

TEST_F(Names, AThousandDoNotRunOut) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    std::string name = "Zq";
    for (int rest = i + 1; rest > 0; rest /= 26) name += static_cast<char>('a' + rest % 26);
    name += "son";
    const std::string now = hide(name);
    EXPECT_TRUE(seen.insert(folded_text(now)).second) << now;
    EXPECT_EQ(restored(session, now), name);
  }
}

// Nothing of a value stays because this room does not know its characters.
TEST_F(Names, OfOtherScriptsAreReplacedWhole) {
  for (const char* const name : {"王伟", "محمد علي", "Ив\u200bан", "გიორგი", "Kim 민준"}) {
    const std::string now = hide(name);
    EXPECT_FALSE(now.empty());
    EXPECT_TRUE(is_plain(now)) << now;
    EXPECT_EQ(restored(session, "by " + now + "."), "by " + std::string(name) + ".");
  }
  EXPECT_EQ(hide("Al Gore").find("Al "), std::string::npos) << "a particle is one in small letters alone";
  EXPECT_THAT(hide("Ludwig van Beethoven"), HasSubstr(" van "));
}

TEST_F(Names, WithInitialsAreKnownAsAWhole) {
  const std::string now = hide("И. П. Сидоров");
  EXPECT_EQ(restored(session, "Договор с " + now + " подписан"), "Договор с И. П. Сидоров подписан");
}

// Other letters in their place would not be given back.
TEST_F(Names, OfInitialsAloneHaveNoPseudonym) {
  EXPECT_EQ(hide("А. Б."), "");
  EXPECT_EQ(hide("J"), "");
  EXPECT_NE(hide("А. Б. Петров"), "");
}

TEST(SessionValues, OtherLayoutsOfANumberAreGivenBackAsTheyWere) {
  Session session(tests::test_key(), "default");
  Haystack others;
  const std::string a = session.hide("PHONE_NUMBER", "+7 916 123-45-67", others);
  const std::string b = session.hide("PHONE_NUMBER", "+79161234567", others);
  EXPECT_EQ(compact(a), compact(b));
  EXPECT_EQ(restored(session, "call " + a + " or " + b), "call +7 916 123-45-67 or +79161234567");
  std::string bare = a;
  std::erase_if(bare, [](char c) { return c == ' ' || c == '-'; });
  EXPECT_EQ(compact(restored(session, bare)), "79161234567");
  EXPECT_EQ(compact(restored(session, "8" + bare.substr(2))), "89161234567") << "as it is dialled at home";
}

TEST(SessionValues, DatesAreGivenBackInOtherWaysOfWriting) {
  Session session(tests::test_key(), "default");
  Haystack others;
  const std::string now = session.hide("DATE_TIME", "12.05.1990", others);
  EXPECT_EQ(restored(session, now), "12.05.1990");
  const std::string iso = now.substr(6) + "-" + now.substr(3, 2) + "-" + now.substr(0, 2);
  EXPECT_EQ(restored(session, iso), "1990-05-12");
}

TEST(SessionValues, AreGivenBackAsTheyStoodHoweverTheyWereTaken) {
  Session session(tests::test_key(), "default");
  Haystack others;
  for (const std::string_view entity : {"PERSON", "GPE", "ORGANIZATION", "CONTRACT"}) {
    for (const std::string_view original : {"a@b.com", "a@b.com", "А. Б. Петров", "А.  Б.\nПетров", "12 \n — 12",
                                            "12 — 12", "Mary  Smith", "mary smith"}) {
      const std::string made = session.hide(entity, original, others);
      if (made.empty()) continue;  // it goes as its class
      EXPECT_EQ(restored(session, "so " + made + "."), "so " + std::string(original) + ".") << entity;
    }
  }
}

TEST(SessionValues, TownsAndCompaniesHaveOthers) {
  Session session(tests::test_key(), "default");
  Haystack others;
  const std::string town = session.hide("GPE", "Москва", others);
  EXPECT_NE(town, "Москва");
  EXPECT_EQ(restored(session, "в город " + town), "в город Москва");
  const std::string company = session.hide("ORGANIZATION", "ООО «Ромашка»", others);
  EXPECT_THAT(company, ::testing::StartsWith("ООО «"));
  EXPECT_EQ(restored(session, company), "ООО «Ромашка»");
  const std::string latin = session.hide("ORGANIZATION", "Acme Rockets Ltd.", others);
  EXPECT_THAT(latin, ::testing::EndsWith(" Ltd."));
  const std::string address = session.hide("STREET_ADDRESS", "ул. Ленина, д. 5, кв. 12", others);
  EXPECT_EQ(restored(session, "по адресу " + address), "по адресу ул. Ленина, д. 5, кв. 12");
}

TEST(SessionValues, EntriesSurviveAsJson) {
  Session session(tests::test_key(), "default"), other(tests::test_key(), "default");
  Haystack others;
  const std::string text =
      session.hide("PERSON", "Ольга Сёмина", others) + " " + session.hide("RU_INN", "7707083893", others);
  for (const Session::Entry& one : session.entries()) {
    auto again = Session::from_json(Session::to_json(one));
    ASSERT_TRUE(again);
    other.add(*std::move(again));
  }
  EXPECT_EQ(restored(other, text), "Ольга Сёмина 7707083893");
  EXPECT_EQ(other.hide("PERSON", "Ольга Сёмина", others), session.hide("PERSON", "Ольга Сёмина", others));
}

TEST(SessionValues, SeedsDecideAlone) {
  Session a(tests::test_key(), "default"), b(tests::test_key(), "default"), c(tests::test_key(), "another");
  Haystack others;
  EXPECT_EQ(a.hide("EMAIL_ADDRESS", "x@y.ru", others), b.hide("EMAIL_ADDRESS", "x@y.ru", others));
  EXPECT_NE(a.hide("EMAIL_ADDRESS", "x@y.ru", others), c.hide("EMAIL_ADDRESS", "x@y.ru", others));
}

}  // namespace
}  // namespace fairlead::policy
