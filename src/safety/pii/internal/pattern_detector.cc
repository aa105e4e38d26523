#include "safety/pii/internal/pattern_detector.h"

#include <algorithm>
#include <array>
#include <optional>

#include "safety/pii/internal/checks.h"
#include "safety/pii/internal/dates.h"
#include "safety/pii/internal/encoded.h"
#include "safety/pii/internal/look_alikes.h"
#include "safety/pii/internal/network.h"
#include "safety/pii/internal/numbers.h"
#include "safety/pii/internal/reading.h"
#include "safety/pii/internal/secrets.h"
#include "safety/pii/internal/words.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kLeastLongWord = 16, kLeastEncoded = 12, kLongestWord = 512, kLeastEntropy = 20;
constexpr std::size_t kLongestSpanOfPatterns = 16'064;  // a private key; all else is under 8,004, most under 100

constexpr std::string_view kPlateLetter =
    "(?:[ABEKMHOPCTYXabekmhopctyx]|\\xD0[\\x90\\x92\\x95\\x9A\\x9C-\\x9E\\xA0-\\xA3\\xA5\\xB0\\xB2\\xB5\\xBA\\xBC-"
    "\\xBE]|"
    "\\xD1[\\x80-\\x83\\x85])";
constexpr std::string_view kEndings =
    "com|org|net|edu|gov|io|ru|su|de|fr|es|it|pl|nl|be|ch|at|se|no|dk|fi|cz|uk|us|ca|au|br|mx|in|cn|jp|kr|ua|by|kz|eu|"
    "info|"
    "biz|dev|app|ai|me|co|tv|uy|pt|hu|ro|gr|tr|ie|nz|za|xyz|online|site|shop|рф|xn--p1ai";

}  // namespace

struct PatternDetector::Compiled {
  PatternDatabase database;
  std::vector<Trigger> triggers;

  static Result<std::shared_ptr<const Compiled>> make() {
    std::vector<Trigger> triggers;
    std::vector<Pattern> patterns;
    const auto add = [&](Trigger trigger, Pattern pattern) {
      triggers.push_back(trigger);
      patterns.push_back(std::move(pattern));
    };
    const auto plain = [&](What what, std::string_view expression) {
      add({what}, {.expression = std::string(expression)});
    };
    plain(What::kNumber, "[0-9](?:[ ./()\\t-]{0,3}[0-9]){6}");
    plain(What::kWord, "[A-Za-z][0-9]|[0-9][A-Za-z]");
    plain(What::kLongWord, "[A-Za-z0-9+/_-]{16}");
    plain(What::kAt, "[^\\s@]@[^\\s@]");
    plain(What::kScheme, "[A-Za-z0-9]://[^\\s]");
    add({What::kWww}, {.expression = "www\\.", .any_case = true});
    add({What::kDomain},
        {.expression = "[a-z0-9]\\.(?:" + std::string(kEndings) + ")(?:[^a-z0-9]|\\z)", .any_case = true});
    plain(What::kIpv4, "[0-9]\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]");
    plain(What::kIpv6, "[0-9a-fA-F:]:[0-9a-fA-F]{0,4}:[0-9a-fA-F]");
    plain(What::kMac,
          "[0-9a-fA-F]{2}[:-][0-9a-fA-F]{2}[:-][0-9a-fA-F]{2}[:-][0-9a-fA-F]{2}|[0-9a-fA-F]{4}\\.[0-9a-fA-F]{4}\\.[0-"
          "9a-fA-F]{4}");
    plain(What::kDate, "[0-9][./-][0-9]{1,2}[./-][0-9]");
    plain(What::kSpacedNino, "[A-Za-z]{2}[ -][0-9]{2}[ -][0-9]{2}[ -][0-9]{2}[ -][A-Da-d]");
    plain(What::kSpacedDni, "[0-9]{8}[ -][A-Za-z]|[XYZxyz][ -][0-9]{7}[ -][A-Za-z]");
    plain(What::kPlate, "[0-9]{3} ?" + std::string(kPlateLetter) + "{2} ?[0-9]");
    plain(What::kJwt, "eyJ");
    plain(What::kPrivateKey, "PRIVATE KEY(?: BLOCK)?-----");
    plain(What::kPercent, "%[0-9A-Fa-f]{2}");
    for (Pattern& one : month_patterns()) add({What::kMonth}, std::move(one));
    for (std::size_t i = 0; i < token_kinds().size(); ++i)
      add({What::kToken, static_cast<std::uint16_t>(i)}, {.expression = std::string(token_kinds()[i].expression)});
    for (std::size_t i = 0; i < context_words().size(); ++i) {
      const ContextWord& word = context_words()[i];
      for (Pattern& one : patterns_of(word))
        add({What::kContext, static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(word.text.size())},
            std::move(one));
    }
    FAIRLEAD_TRY(PatternDatabase database, PatternDatabase::compile(patterns));
    return std::make_shared<const Compiled>(Compiled{std::move(database), std::move(triggers)});
  }
};

// One look at one text. What it remembers of a pass is kept by the thread.
class PatternDetector::Round {
 public:
  Round(const PatternDetector& detector, std::string_view text, std::vector<Finding>& out,
        std::vector<EncodedRun>& runs)
      : detector_(detector), reading_{text, memory().context, detector.least_, out}, runs_(runs) {
    memory().context.clear();
    memory().hits.clear();
  }

  void run() {
    // First all the words, then what they may be about.
    const std::vector<Trigger>& triggers = detector_.compiled_->triggers;
    const auto hit = [&](unsigned id, std::size_t, std::size_t end) {
      const Trigger& trigger = triggers[id];
      std::size_t& done = memory_.done[static_cast<std::size_t>(trigger.what)];
      if (trigger.what == What::kContext) return read_word(trigger, end);
      if (trigger.what == What::kNumber || trigger.what == What::kWord || trigger.what == What::kLongWord) {
        if (end <= done) return;
        done = extent(trigger.what, end);
      }
      memory_.hits.push_back({static_cast<std::uint16_t>(id), end});
    };
    memory_.done.fill(0);
    detector_.compiled_->database.scan(reading_.text, hit);
    memory_.done.fill(0);
    for (const Hit& one : memory_.hits) look(triggers[one.trigger], one.end);
  }

 private:
  struct Memory {
    Context context;
    std::vector<Hit> hits;
    std::array<std::size_t, 32> done{};  // by What: up to where the text has been looked at
    Number number;
  };
  static Memory& memory() {
    thread_local Memory one;
    return one;
  }

  // How far one thing goes of which each further byte is another hit.
  std::size_t extent(What what, std::size_t end) const {
    const std::string_view text = reading_.text;
    if (what == What::kNumber) return end;
    while (end < text.size() && is_ascii_word(static_cast<unsigned char>(text[end]))) ++end;
    return end;
  }

  void read_word(const Trigger& trigger, std::size_t end) {
    const std::size_t start = end - trigger.size;
    const ContextWord& word = context_words()[trigger.which];
    if (reading_.word_before(start) || (!word.stem && reading_.word_behind(end) && !is_digit(reading_.at(end)))) return;
    memory_.context.add({start, end, trigger.which});
    constexpr Topics kFollowed = bit(Topic::kSecret) | bit(Topic::kLicence);
    if ((word.topics & kFollowed) != 0)
      memory_.hits.push_back({static_cast<std::uint16_t>(&trigger - detector_.compiled_->triggers.data()), end});
  }

  void look(const Trigger& trigger, std::size_t end) {
    std::size_t& done = memory_.done[static_cast<std::size_t>(trigger.what)];
    if (end <= done && trigger.what != What::kToken && trigger.what != What::kMonth && trigger.what != What::kContext)
      return;
    switch (trigger.what) {
      case What::kNumber:
        done = read_number(reading_.text, end, done, memory_.number);
        return recognise_number(reading_, memory_.number, detector_.phones_);
      case What::kWord:
        return look_at_word(end, done);
      case What::kLongWord:
        return encoded(end, done);
      case What::kAt:
        done = recognise_email(reading_, end - 2, done);
        return;
      case What::kScheme:
        done = recognise_url(reading_, end - 1, done);
        return;
      case What::kWww:
        done = recognise_www(reading_, end);
        return;
      case What::kDomain:
        return recognise_domain(reading_, ends_word(end));
      case What::kIpv4:
        return recognise_ipv4(reading_, end, 0);
      case What::kIpv6:
        done = recognise_ipv6(reading_, end, 0);
        return;
      case What::kMac:
        done = recognise_mac(reading_, end, 0);
        return;
      case What::kDate:
        done = recognise_date(reading_, end, done);
        return;
      case What::kMonth:
        return recognise_month(reading_, end);
      case What::kSpacedNino:
        return recognise_spaced_nino(reading_, end);
      case What::kSpacedDni:
        return recognise_spaced_dni(reading_, end);
      case What::kPlate:
        return recognise_plate(reading_, end);
      case What::kToken:
        return recognise_token(reading_, token_kinds()[trigger.which], end);
      case What::kJwt:
        done = recognise_jwt(reading_, end);
        return;
      case What::kPrivateKey:
        done = recognise_private_key(reading_, end);
        return;
      case What::kPercent: {
        const EncodedRun run = percent_run_around(reading_.text, end, done);
        done = run.end;
        runs_.push_back(run);
        return;
      }
      case What::kContext:
        if ((context_words()[trigger.which].topics & bit(Topic::kSecret)) != 0)
          return recognise_password(reading_, end);
        return recognise_licence(reading_, end);
    }
  }

  // The pattern of host names takes the byte behind them, unless the text ends there.
  std::size_t ends_word(std::size_t end) const {
    const auto byte = static_cast<unsigned char>(reading_.text[end - 1]);
    return is_ascii_word(byte) || (byte & 0xC0) == 0x80 ? end : end - 1;
  }

  void look_at_word(std::size_t end, std::size_t& done) {
    const std::string_view text = reading_.text;
    const auto belongs = [&](std::size_t i) { return is_ascii_word(static_cast<unsigned char>(text[i])); };
    std::size_t start = end, stop = end;
    while (start > done && belongs(start - 1)) --start;
    while (stop < text.size() && belongs(stop)) ++stop;
    done = stop;
    if (stop - start > kLongestWord) return;
    recognise_word(reading_, start, stop);
    if (stop - start >= kLeastEntropy) recognise_entropy(reading_, start, stop);
    if (stop - start >= kLeastEncoded) {
      std::size_t& seen = memory_.done[static_cast<std::size_t>(What::kLongWord)];
      if (stop > seen) encoded(stop, seen);
    }
  }

  void encoded(std::size_t end, std::size_t& done) {
    const EncodedRun run = run_around(reading_.text, end - 1, end, std::min(done, end - 1));
    done = std::max(done, run.end);
    if (run.end - run.start >= kLeastEncoded) runs_.push_back(run);
  }

  const PatternDetector& detector_;
  Memory& memory_ = memory();
  const Reading reading_;
  std::vector<EncodedRun>& runs_;
};

Result<std::unique_ptr<PatternDetector>> PatternDetector::create(std::vector<std::string> phone_regions, double least) {
  static const auto compiled = Compiled::make();
  if (!compiled) return fail(compiled.error());
  FAIRLEAD_TRY(Phones phones, Phones::create(std::move(phone_regions)));
  std::unique_ptr<PatternDetector> out(new PatternDetector(std::move(phones), least));
  out->compiled_ = *compiled;
  return out;
}

void PatternDetector::find(std::string_view text, std::vector<Finding>& out) const {
  std::vector<EncodedRun> runs;
  find(text, out, runs);
}

void PatternDetector::find(std::string_view text, std::vector<Finding>& out, std::vector<EncodedRun>& runs) const {
  Round(*this, text, out, runs).run();
}

std::size_t PatternDetector::longest() const {
  return kLongestSpanOfPatterns;
}

}  // namespace fairlead::pii
