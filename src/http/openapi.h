// The OpenAPI document, made from the route table. The schemas of what is sent and received stand
// here, and tests hold real answers against them.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "http/router.h"

namespace mw::http {

/// OpenAPI 3.1.  REQUIRES: each schema that `routes` name is one of ours.
boost::json::object openapi_document(const std::vector<Route>& routes, std::string_view version);

}  // namespace mw::http
