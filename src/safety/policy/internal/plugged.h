// The port to what is asked about texts beside the built-in detectors, and how it is asked about those of a call.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "llm/client.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/http/client.h"
#include "safety/policy/definition.h"
#include "safety/policy/internal/finding.h"

namespace fairlead::policy {

// For whom, and how long. All of it outlives the question.
struct Asking {
  async::Loop& loop;
  async::Cancellation& cancellation;
  SteadyTime deadline = SteadyTime::max();
  std::string_view key_id{}, key_name{};  // on whose account
};

// Shared by all loops; what belongs to one is kept by its index.
class Plugged {
 public:
  virtual ~Plugged() = default;
  virtual const DetectorSpec& spec() const = 0;
  // What stands in a text that is UTF-8: of the spec's entities, in order of their beginnings; they may overlap. `text`
  // and `asking` outlive the task, what is found views the spec. On the thread of the loop. Errors: those of the client
  // or the model; detector_invalid for an answer that makes no sense.
  virtual async::Task<Result<std::vector<Found>>> find(std::string_view text, const Asking& asking) = 0;
};

// What an answer of a service says: [{"entity_type", "start", "end", "score"}], as Presidio's analyzer answers, or
// {"spans": [{"entity", "start", "end", "score"}]}; offsets in characters. Error: detector_invalid.
Result<std::vector<Found>> read_spans(std::string_view answer, std::string_view text, const DetectorSpec& spec);
// Where in the text there is what a model's answers quote, {"found": [{"entity", "text"}]} each: every quote at every
// place, in any case, as whole words. What is not there is left out; what overlaps of one entity is one. In a time that
// grows with the text, not with what is quoted of it. Error: detector_invalid.
Result<std::vector<Found>> read_quotes(std::span<const std::string> answers, std::string_view text,
                                       const DetectorSpec& spec);

std::shared_ptr<Plugged> make_service(DetectorSpec spec, http::Origin origin, SecretText header_lines,
                                      std::function<http::Client&(async::Loop&)> client);
std::shared_ptr<Plugged> make_model(DetectorSpec spec, std::string project, std::function<llm::Client&()> models);
// The same, and each loop keeps its last answers (4,096 texts, ten minutes), by the texts' digests. Asked again is what
// failed, and what is asked twice before there is an answer.
std::shared_ptr<Plugged> remembering(std::shared_ptr<Plugged> detector, int loops);

// What came of asking them about all texts of a call.
struct Answers {
  std::vector<std::vector<Found>> found;  // by job
  // Title of the detector: why it did not answer for all of them; the first reason, where several have that title.
  std::map<std::string, std::string> unanswered;
};
// Some questions at a time, none after the deadline. Names by which a program knows somebody are not asked about.
async::Task<Answers> ask_all(std::span<const std::shared_ptr<Plugged>> detectors, std::span<TextJob* const> jobs,
                             Asking asking);

}  // namespace fairlead::policy
