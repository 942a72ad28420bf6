#pragma once

namespace canopy::forest {

/// Draws features until `max_features` have been seen and at least one of them was not constant
/// (scikit-learn's rule). `look_at(feature)` tries one that is not known to be constant; false when
/// it turns out so. `is_perfect()` says that no later one can be better: nothing is better than two
/// pure sides, and the first of equals wins. A generator that has one sequence for the whole tree
/// must go on all the same.
template <class Draws, class LookAt, class IsPerfect>
void draw_features(Draws& draws, int max_features, LookAt look_at, IsPerfect is_perfect) {
  int visited = 0;
  int constant = 0;
  while (draws.has_more() && (visited < max_features || visited <= constant)) {
    ++visited;
    auto const [feature, known_constant] = draws.next();
    if (known_constant || !look_at(feature))
      ++constant;
    else if (Draws::knows_ahead && is_perfect())
      break;
  }
}

}  // namespace canopy::forest
