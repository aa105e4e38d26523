#include "providers/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "platform/json/schema.h"
#include "platform/json/text.h"
#include "providers/factory.h"
#include "providers/internal/spec.h"

namespace fairlead::providers {
namespace {

using testing::HasSubstr;
using testing::Not;

class NoOthers final : public resources::Catalogue {
 public:
  const boost::json::object* find(std::string_view, std::string_view) const override { return nullptr; }
  std::vector<std::string> names(std::string_view) const override { return {}; }
};

boost::json::object spec_of(std::string_view text) {
  return json::parse(text).value().as_object();
}

std::string faults(std::string_view text) {
  const resources::Kind kind = provider_kind();
  const auto schema = json::Schema::parse(kind.schema);
  EXPECT_TRUE(schema) << schema.error().message;
  std::string out;
  for (const auto& fault : schema->validate(json::parse(text).value()))
    out += fault.pointer + " " + fault.message + "\n";
  if (!out.empty()) return out;
  for (const auto& fault : kind.check("p", spec_of(text), NoOthers()))
    out += fault.pointer + " " + fault.message + "\n";
  return out;
}

TEST(ProviderKind, TakesWhatItUnderstands) {
  for (
      const char* text : {
          R"({"type":"openai"})",
          R"({"type":"llama.cpp","description":"local"})",
          R"({"type":"openai","base_url":"http://127.0.0.1:9000/v1","api_key":"env:KEY","organization":"org-1","project":"p",
               "headers":{"X-Team":"blue","authorization":"file:/run/secrets/key"},"timeout":"90s"})",
          R"({"type":"anthropic","api_key":"file:/run/secrets/anthropic","timeout":"500ms"})",
          R"({"type":"vllm"})",
          R"({"type":"azure","base_url":"https://x.openai.azure.com","api_key":"env:KEY","api_version":"2024-10-21"})",
      }) {
    EXPECT_EQ(faults(text), "") << text;
  }
}

TEST(ProviderKind, RefusesWhatWouldBeAMistake) {
  const struct {
    const char* spec;
    const char* pointer;
    const char* says;
  } kCases[] = {
      {R"({"type":"openai","api_key":"sk-abcdefgh12345678"})", "/api_key", "env:NAME"},
      {R"({"type":"openai","headers":{"Authorization":"Bearer abc"}})", "/headers/Authorization", "env:NAME"},
      {R"({"type":"openai","headers":{"Content-Length":"1"}})", "/headers/Content-Length", "sets itself"},
      {R"({"type":"openai","headers":{"x y":"1"}})", "/headers/x y", "not a header's name"},
      {R"({"type":"openai","headers":{"x-a":"1\r\nhost: b"}})", "/headers/x-a", "cannot carry"},
      {R"({"type":"openai","headers":{"x-a":"env:not a name"}})", "/headers/x-a", "reference"},
      {R"({"type":"openai","headers":{"x-a":"secret:OPENAI"}})", "/headers/x-a", "reference"},
      {R"({"type":"openai","api_key":"secret:"})", "/api_key", "secret:NAME"},
      {R"({"type":"openai","base_url":"ftp://example.com"})", "/base_url", "https://"},
      {R"({"type":"openai","base_url":"unix:/run/x"})", "/base_url", "https://"},
      {R"({"type":"openai","base_url":"https://user:secret@example.com"})", "/base_url", ""},
      {R"({"type":"openai","timeout":"90"})", "/timeout", "unit"},
      {R"({"type":"openai","timeout":"0s"})", "/timeout", "unit"},
      {R"({"type":"anthropic","organization":"o"})", "/organization", "openai"},
      {R"({"type":"llama.cpp","base_url":"http://x"})", "/base_url", "llama.cpp"},
      {R"({"type":"azure","api_key":"env:KEY"})", "", "base_url"},
      {R"({"type":"bedrock","access_key_id":"env:A","secret_access_key":"env:B"})", "", "region"},
      {R"({"type":"bedrock","region":"us-east-1","access_key_id":"env:A"})", "", "secret_access_key"},
      {R"({"type":"bedrock","region":"evil.example/","api_key":"env:A"})", "/region", "us-east-1"},
      {R"({"type":"bedrock","region":"us-east-1","access_key_id":"env:A","secret_access_key":"sk-abcdefgh"})",
       "/secret_access_key", "env:NAME"},
      {R"({"type":"vllm","api_version":"1"})", "/api_version", "azure"},
      {R"({"type":"ollama","api_key":"sk-abcdefgh12345678"})", "/api_key", "env:NAME"},
      {R"({"type":"opnai"})", "/type", "openai"},
      {R"({"type":"openai","apikey":"env:K"})", "", "api_key"},
      {R"({})", "", "type"},
  };
  for (const auto& one : kCases) {
    const std::string said = faults(one.spec);
    EXPECT_THAT(said, HasSubstr(one.pointer)) << one.spec;
    EXPECT_THAT(said, HasSubstr(one.says)) << one.spec;
    EXPECT_THAT(said, Not(HasSubstr("sk-abcdefgh"))) << "a fault repeats the key";
    EXPECT_THAT(said, Not(HasSubstr("user:secret"))) << "a fault repeats the password";
  }
}

std::optional<std::string> fake_environment(std::string_view name) {
  if (name == "KEY") return "sk-1234567890abcdef\n";
  if (name == "TORN") return "a\nb";
  return std::nullopt;
}

Result<SecretText> fake_secret(std::string_view name) {
  if (name == "openai") return SecretText("sk-secret-0123456789abcdef");
  return fail(ErrorKind::kNotFound, "secret_not_found", "Secret `" + std::string(name) + "` does not exist.");
}

Result<internal::Endpoint> resolve(std::string_view spec, std::vector<std::string> private_paths = {}) {
  const std::vector<std::string_view> references{"api_key"};
  const Dependencies dependencies{
      {.environment = fake_environment, .secret = fake_secret, .private_paths = std::move(private_paths)}};
  return internal::resolve_endpoint("up", spec_of(spec), "https://api.openai.com/v1", references, dependencies);
}

TEST(ProviderCredentials, AreReadFromWhereTheSpecPoints) {
  const std::string path = testing::TempDir() + "/provider_key";
  std::ofstream(path) << "from-a-file\n";
  const auto endpoint =
      resolve(R"({"type":"openai","api_key":"env:KEY","headers":{"x-a":"file:)" + path + R"(","x-b":"plain"}})");
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->api_key, "sk-1234567890abcdef");
  EXPECT_EQ(endpoint->header_lines, "x-a: from-a-file\r\nx-b: plain\r\n");
  EXPECT_THAT(*endpoint->secrets, testing::UnorderedElementsAre("sk-1234567890abcdef", "from-a-file"));
  EXPECT_EQ(endpoint->base_url, "https://api.openai.com/v1");
}

TEST(ProviderCredentials, AreSecretsOfTheProject) {
  const auto endpoint =
      resolve(R"({"type":"openai","api_key":"secret:openai","headers":{"x-a":"secret:openai","x-b":"plain"}})");
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->api_key, "sk-secret-0123456789abcdef");
  EXPECT_EQ(endpoint->header_lines, "x-a: sk-secret-0123456789abcdef\r\nx-b: plain\r\n");
  EXPECT_THAT(*endpoint->secrets, testing::Each("sk-secret-0123456789abcdef"));
}

TEST(ProviderCredentials, AreNotReadFromWhatIsFairleadsOwn) {
  const std::string folder = std::filesystem::canonical(testing::TempDir()).string() + "/provider_data";
  std::filesystem::create_directories(folder + "/below");
  std::filesystem::create_directories(folder + "-beside");
  for (const char* file : {"/admin.key", "/below/x", "-beside/x"}) std::ofstream(folder + file) << "fl-0123456789\n";
  std::filesystem::remove(folder + "-beside/link");
  std::filesystem::create_symlink(folder + "/admin.key", folder + "-beside/link");
  const auto read = [&](const std::string& path) {
    return resolve(R"({"type":"openai","api_key":"file:)" + path + R"("})", {folder});
  };
  EXPECT_TRUE(read(folder + "-beside/x"));
  for (const std::string& path : {folder + "/admin.key", folder + "/below/x",
                                  folder + "-beside/../provider_data/below/x", folder + "-beside/link"}) {
    const auto endpoint = read(path);
    ASSERT_FALSE(endpoint) << path;
    EXPECT_THAT(endpoint.error().message, HasSubstr("Fairlead's own"));
  }
}

TEST(ProviderKind, TellsWhichSecretsItNames) {
  std::string told;
  for (const auto& one : provider_kind().secrets(spec_of(
           R"({"type":"bedrock","region":"secret:r","access_key_id":"secret:a","secret_access_key":"env:B",
               "headers":{"x/a":"secret:c","x-b":"secret:Not A Name"}})")))
    told += one.pointer + " " + one.name + "; ";
  EXPECT_EQ(told, "/access_key_id a; /headers/x~1a c; ");
}

TEST(ProviderCredentials, AreNamedWhenTheyAreMissingAndNeverShown) {
  const struct {
    const char* spec;
    const char* names;
  } kCases[] = {
      {R"({"type":"openai","api_key":"env:NOT_SET"})", "NOT_SET"},
      {R"({"type":"openai","api_key":"file:/no/such/file"})", "/no/such/file"},
      {R"({"type":"openai","api_key":"env:TORN"})", "TORN"},
      {R"({"type":"openai","api_key":"secret:gone"})", "gone"},
      {R"({"type":"openai","api_key":"sk-literal-0123456789"})", "api_key"},
  };
  for (const auto& one : kCases) {
    const auto endpoint = resolve(one.spec);
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(endpoint.error().code, "credentials_missing");
    EXPECT_THAT(endpoint.error().message, HasSubstr(one.names));
    EXPECT_THAT(endpoint.error().message, Not(HasSubstr("sk-literal")));
  }
}

TEST(ProviderFactory, LeavesLocalModelsToTheirRoom) {
  const auto provider = make_provider("local", spec_of(R"({"type":"llama.cpp"})"), {});
  ASSERT_FALSE(provider);
  EXPECT_EQ(provider.error().code, "provider_type_unknown");
}

TEST(Durations, HaveUnitsAndBounds) {
  using std::chrono::milliseconds;
  EXPECT_EQ(internal::parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(internal::parse_duration("24h"), milliseconds(86'400'000));
  EXPECT_EQ(internal::parse_duration("1.5s"), milliseconds(1500));
  for (const char* text :
       {"", "s", "10", "-1s", "0s", "0.1ms", "25h", "1d", "1 s", "nans", "infs", "1e3s", "99999999999999999999s"})
    EXPECT_EQ(internal::parse_duration(text), std::nullopt) << text;
}

}  // namespace
}  // namespace fairlead::providers
