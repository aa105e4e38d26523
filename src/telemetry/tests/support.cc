#include "telemetry/tests/support.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <span>
#include <type_traits>
#include <variant>

#include "telemetry/internal/fields.h"

namespace fairlead::telemetry {

TempFolder::TempFolder() {
  std::string pattern = ::testing::TempDir() + "telemetryXXXXXX";
  path_ = ::mkdtemp(pattern.data());
}
TempFolder::~TempFolder() {
  std::filesystem::remove_all(path_);
}

CallRecord full_record() {
  CallRecord record;
  record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.project = "bank";
  record.key_id = "key_01";
  record.started_at_us = 1'700'000'000'123'456;
  record.duration_us = 412'500;
  record.first_token_us = 61'000;
  record.gateway_us = 250;
  record.operation = "text_completion";
  record.requested_model = "support-reply@staging";
  record.target_kind = "prompt";
  record.target_name = "support-reply";
  record.target_version = 4;
  record.label = "staging";
  record.variant = "russian-gold";
  record.variant_error = "beta: line 1, column 3: division by zero.";
  record.includes = {"house-style@5", "rules@2"};
  record.model = "small";
  record.model_version = 2;
  record.provider = "local";
  record.upstream_model = "smollm2-135m";
  record.upstream_id = "chatcmpl-1";
  record.stream = true;
  record.status = 503;
  record.error_code = "upstream_timeout";
  record.error_message = "local timed out after 2 s";
  record.finish_reason = "length";
  record.usage = {.input = 311, .cached_input = 200, .cache_write = 50, .output = 87, .reasoning = 7, .reported = true};
  record.cost_usd = 0.000425;
  record.session = "s-4";
  record.user = "u-17";
  record.tags = {"a", "", "c\"'"};
  record.input_json = R"([{"role":"user","content":"Где мой перевод?"}])";
  record.output_text = "На проверке.\n";
  record.shadow_of = "01ARZ3NDEKTSV4RRFFQ69G5FAU";
  record.cache = "miss";
  record.budgets = {"team-a-monthly", "per-user"};
  record.schema_failures = 2;
  record.trimmed_tokens = 843;
  record.privacy_json = R"({"policies":["customers@3"],"input":{"PERSON":{"pseudonymise":2}}})";
  record.trimmed_json = R"({"history":{"messages":12,"tokens":843}})";
  record.attempts = {{"local", "smollm2", 2'000'000, "upstream_timeout", "no byte"},
                     {"openai", "gpt-5-mini", 400'000, "", "", "large", "fallback", 180'000}};
  return record;
}

CallRecord record_of(std::string project, std::string id) {
  CallRecord record;
  record.id = std::move(id);
  record.project = std::move(project);
  record.started_at_us = 1'700'000'000'000'000;
  record.target_kind = "prompt";
  record.target_name = "support-reply";
  record.model = "small";
  record.provider = "local";
  record.status = 200;
  record.usage.input = 10;
  record.usage.output = 5;
  return record;
}

namespace {

template <class Record>
Record record_in(std::span<const Field<Record>> table, const EncodedFields& fields) {
  Record record;
  for (const auto& field : table) {
    std::visit(
        [&](auto* into) {
          using T = std::remove_pointer_t<decltype(into)>;
          if constexpr (std::is_same_v<T, std::string>) {
            *into = fields.text(field.number);
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            for (const auto& [number, text] : fields.elements()) {
              if (number == field.number) into->emplace_back(text);
            }
          } else if constexpr (std::is_same_v<T, double>) {
            *into = fields.real(field.number);
          } else {
            *into = static_cast<T>(fields.integer(field.number));
          }
        },
        field.ref(record));
  }
  return record;
}

}  // namespace

std::optional<CallRecord> decode(std::string_view bytes) {
  EncodedRecord encoded;
  if (!encoded.parse(bytes)) return std::nullopt;
  CallRecord record = record_in(call_fields(), encoded.call());
  for (const auto& attempt : encoded.attempts()) record.attempts.push_back(record_in(attempt_fields(), attempt));
  return record;
}

std::vector<std::string> ids_in_spool(const std::string& folder) {
  std::vector<std::string> ids;
  const auto read = read_spool(folder, {}, kEverything, {}, [&](const EncodedRecord& record) -> Result<void> {
    ids.emplace_back(record.call().text(kIdNumber));
    return {};
  });
  EXPECT_TRUE(read) << read.error().message;
  return ids;
}

int start_child(const std::string& role, const std::vector<std::string>& arguments, int& output) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return -1;
  std::vector<std::string> words = {"/proc/self/exe", "child", role};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  output = pipe[0];
  return child;
}

}  // namespace fairlead::telemetry
