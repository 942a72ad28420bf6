#include "canopy/federate/availability.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

#include "devices/notation.hpp"

namespace canopy::federate {
namespace {

constexpr auto default_seconds = 600.0;
constexpr auto least_share = 0.001;  // the search for the next interval stays short

}  // namespace

Availability Availability::parse(std::string_view text) {
  auto const fail = [&](std::string_view expected) {
    throw UserError{fmt::format("--availability is '{}', expected {}", text, expected)};
  };
  Availability parsed;
  auto const notation = read_notation(text);
  auto const name = text.substr(0, text.find(':'));
  auto const numbers = notation ? notation->numbers : std::vector<double>{};
  if (name == "always" && name == text) return parsed;
  if (name == "share") {
    if (numbers.empty() || numbers.size() > 2 || numbers[0] < least_share || numbers[0] > 1 ||
        numbers.back() <= 0)
      fail("share:P[,SECONDS] with P between 0.001 and 1 and SECONDS more than 0");
    parsed.kind_ = Kind::share;
    parsed.share_ = numbers[0];
    parsed.seconds_ = numbers.size() > 1 ? numbers[1] : default_seconds;
  } else if (name == "diurnal") {
    if (numbers.size() != 2 || numbers[0] <= 0 || numbers[1] < least_share || numbers[1] > 1)
      fail("diurnal:PERIOD,SHARE with PERIOD (seconds) more than 0 and SHARE between 0.001 and 1");
    parsed.kind_ = Kind::diurnal;
    parsed.seconds_ = numbers[0];
    parsed.share_ = numbers[1];
  } else {
    fail("always, share:P[,SECONDS] or diurnal:PERIOD,SHARE" +
         text::did_you_mean(name, std::vector<std::string>{"always", "share", "diurnal"}));
  }
  return parsed;
}

double Availability::phase(Key client) const {
  Stream stream{client.with("phase")};
  auto const first = stream.uniform();
  return kind_ == Kind::share ? first : (first + stream.uniform()) / 2;
}

double Availability::position(Key client, double time) const {
  return time / seconds_ + 1 - phase(client);
}

bool Availability::is_on(Key client, double interval) const {
  auto const number = static_cast<std::uint64_t>(interval);
  return Stream{client.with("on").with(number)}.uniform() < share_;
}

bool Availability::holds(Key client, double time) const {
  if (kind_ == Kind::always) return true;
  auto const at = position(client, time);
  if (kind_ == Kind::share) return is_on(client, std::floor(at));
  return at - std::floor(at) < share_;
}

double Availability::next(Key client, double time) const {
  if (holds(client, time)) return time;
  auto interval = std::floor(position(client, time)) + 1;
  while (kind_ == Kind::share && !is_on(client, interval)) ++interval;
  auto begin = std::max(time, (interval - 1 + phase(client)) * seconds_);
  // The rounded beginning of an interval may lie just before it.
  while (!holds(client, begin)) begin = std::nextafter(begin, std::numeric_limits<double>::max());
  return begin;
}

}  // namespace canopy::federate
