// The patterns of this program: one pass of Vectorscan says where to look, functions decide.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "safety/pii/detector.h"
#include "safety/pii/internal/context.h"
#include "safety/pii/internal/pattern_database.h"
#include "safety/pii/internal/phones.h"

namespace fairlead::pii {

class PatternDetector : public Detector {
 public:
  // Findings under `least` are not made.
  static Result<std::unique_ptr<PatternDetector>> create(std::vector<std::string> phone_regions, double least);

  void find(std::string_view text, std::vector<Finding>& out) const override;
  std::size_t longest() const override;
  // The same, and the parts of the text that may be other texts.
  void find(std::string_view text, std::vector<Finding>& out, std::vector<EncodedRun>& runs) const;

 private:
  enum class What : std::uint8_t {
    kNumber,
    kWord,
    kLongWord,
    kAt,
    kScheme,
    kWww,
    kDomain,
    kIpv4,
    kIpv6,
    kMac,
    kDate,
    kMonth,
    kSpacedNino,
    kSpacedDni,
    kPlate,
    kToken,
    kJwt,
    kPrivateKey,
    kPercent,
    kContext,
  };
  struct Trigger {
    What what;
    std::uint16_t which = 0;  // kToken: its kind; kContext: its word
    std::uint16_t size = 0;   // kContext: of the word, in bytes
  };
  struct Hit {
    std::uint16_t trigger;
    std::size_t end;
  };
  class Round;

  PatternDetector(Phones phones, double least) : phones_(std::move(phones)), least_(least) {}
  static std::shared_ptr<const PatternDatabase> database();

  Phones phones_;
  double least_;
  // The same for every detector: compiled once in a process.
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
  friend struct Compiled;
};

}  // namespace fairlead::pii
