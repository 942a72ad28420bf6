#include "canopy/report/page.hpp"

#include <array>
#include <utility>
#include <vector>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "assets.hpp"

namespace canopy::report {
namespace {

std::string html_text(std::string_view text) {
  std::string safe;
  for (char const c : text) switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  return safe;
}

/// The source expression of Content-Security-Policy that allows exactly this text.
std::string allowed(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<unsigned char const*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 4 * (SHA256_DIGEST_LENGTH + 2) / 3 + 1> base64{};
  auto const length = EVP_EncodeBlock(base64.data(), digest.data(), SHA256_DIGEST_LENGTH);
  return "'sha256-" + std::string(base64.begin(), base64.begin() + length) + "'";
}

/// The text between the last `opening` and the following `closing` of what surrounds `place`: what
/// the browser takes as the element's content, blanks and all.
std::string surrounded(std::string_view page, std::string_view place, std::string_view content,
                       std::string_view opening, std::string_view closing) {
  auto const at = page.find(place);
  auto const begin = page.rfind(opening, at) + opening.size();
  auto const end = page.find(closing, at);
  return std::string{page.substr(begin, at - begin)} + std::string{content} +
         std::string{page.substr(at + place.size(), end - at - place.size())};
}

/// What is allowed: nothing but the scripts and the style embedded here.
std::string policy(std::string_view page, bool is_live) {
  auto const script = [&](std::string_view place, std::string_view content) {
    return allowed(surrounded(page, place, content, "<script>", "</script>"));
  };
  return "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; script-src " +
         script("@LIBRARY@", assets::library) + " " + script("@SCRIPTS@", assets::scripts) +
         "; style-src " +
         allowed(surrounded(page, "@STYLE@", assets::style, "<style>", "</style>")) +
         (is_live ? "; connect-src 'self'" : "");
}

}  // namespace

std::string html_page(std::span<RunOnPage const> runs, PageOptions const& options) {
  auto const title = html_text(options.title);
  auto const data = page_data_text(runs, options);
  auto const rules = policy(assets::page, !options.data_url.empty());
  std::vector<std::pair<std::string_view, std::string_view>> const parts{
      {"@POLICY@", rules},
      {"@VERSION@", CANOPY_VERSION},
      {"@TITLE@", title},
      {"@STYLE@", assets::style},
      {"@LIBRARY@", assets::library},
      {"@SCRIPTS@", assets::scripts},
      {"@DATA@", data}};
  std::string html;
  std::string_view rest = assets::page;
  // In one go from front to back, so that nothing is replaced inside what was put in.
  for (auto at = rest.find('@'); at != std::string_view::npos; at = rest.find('@')) {
    html += rest.substr(0, at);
    rest.remove_prefix(at);
    std::string_view put = "@", name = "@";
    for (auto const& [place, text] : parts)
      if (rest.starts_with(place)) name = place, put = text;
    html += put;
    rest.remove_prefix(name.size());
  }
  return html.append(rest);
}

}  // namespace canopy::report
