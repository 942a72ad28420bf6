#include "messages/messages.hpp"

#include <algorithm>
#include <iterator>

namespace canopy::federate {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::move_iterator{from.begin()}, std::move_iterator{from.end()});
}

}  // namespace

void Outcome::add(Outcome&& part) {
  if (sum.empty())
    sum = std::move(part.sum);
  else
    sum.add(part.sum);
  append(reports, std::move(part.reports));
  append(updates, std::move(part.updates));
  append(states, std::move(part.states));
  append(uses, std::move(part.uses));
  append(lost, std::move(part.lost));
  bytes += part.bytes;
}

std::int64_t Outcome::trained() const {
  return std::ranges::count(reports, Task::Kind::train, &Report::kind);
}

}  // namespace canopy::federate
