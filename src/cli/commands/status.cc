#include <fmt/format.h>

#include "cli/internal/command.h"

namespace fairlead::cli {

void add_status(CLI::App& app, Context& context) {
  CLI::App* const status =
      command(app, context, "status", "Say whether the server serves, and what is still loading", "fairlead status");
  status->callback([&context] {
    auto reply = context.fetch(http::Method::kGet, "/readyz", "", /*with_key=*/false);
    if (!reply) return context.fail_with(reply.error());
    std::string out;
    if (context.as_json) {
      out = json::to_pretty_text(reply->json) + "\n";
    } else {
      out = reply->status == 200 ? "  ready\n" : "  not ready\n";
      if (const boost::json::object* object = reply->json.if_object(); object && object->contains("parts")) {
        for (const boost::json::value& part : object->at("parts").as_array()) {
          const boost::json::value* const progress = part.as_object().if_contains("progress");
          const int percent =
              progress && progress->is_number() ? static_cast<int>(progress->to_number<double>() * 100) : 0;
          out +=
              fmt::format("  {:<48} {}{}  {}\n", text_of(part, "name"), text_of(part, "state"),
                          percent > 0 && percent < 100 ? fmt::format(" {} %", percent) : "", text_of(part, "message"));
        }
      }
    }
    std::fputs(out.c_str(), stdout);
    if (reply->status != 200) context.exit_status = kFailed;
  });
}

}  // namespace fairlead::cli
