#pragma once

#include <string_view>

/// What a page is made of, embedded by embed.cmake.
namespace canopy::report::assets {

extern std::string_view const page;     ///< template.html, with @NAME@ where things go
extern std::string_view const style;    ///< style.css
extern std::string_view const library;  ///< Chart.js
extern std::string_view const scripts;  ///< the shell and the pages, in order

}  // namespace canopy::report::assets
