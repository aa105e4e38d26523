// The kind `webhook`: what a webhook's spec may hold (docs/reference/webhooks.md).
#pragma once
#include "resources/kind.h"

namespace fairlead::webhooks {

resources::Kind webhook_kind();

}  // namespace fairlead::webhooks
