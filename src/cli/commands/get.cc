#include "cli/internal/command.h"
#include "platform/config/yaml.h"

namespace fairlead::cli {

void add_get(CLI::App& app, Context& context) {
  struct GetWords {
    std::string kind, name, ref;
  };
  const auto words = std::make_shared<GetWords>();
  CLI::App* const get = command(app, context, "get", "Show one version of a resource",
                                "fairlead get prompt support-reply --ref production");
  get->add_option("kind", words->kind, "prompt, model, provider, budget, policy, chain, schedule, webhook")->required();
  get->add_option("name", words->name, "The resource's name")->required();
  get->add_option("--ref", words->ref, "A version number or a label; else the version in force");
  get->callback([&context, words] {
    const std::string target =
        "/api/v1/resources/" + segment(words->kind) + "/" + segment(words->name) + query_string({{"ref", words->ref}});
    answer(context, http::Method::kGet, target, nullptr, [](const boost::json::value& reply) {
      std::string out = "# version " + text_of(reply, "version") + ", " + text_of(reply, "created_at") + ", by " +
                        text_of(reply, "author") + ", sha256 " + text_of(reply, "digest") + "\n";
      if (const std::string message = text_of(reply, "message"); !message.empty()) out += "# " + message + "\n";
      boost::json::object document{{"kind", reply.at("kind")}, {"name", reply.at("name")}};
      for (const auto& [member, value] : reply.at("spec").as_object()) document[member] = value;
      return out + config::to_yaml(document);
    });
  });
}

}  // namespace fairlead::cli
