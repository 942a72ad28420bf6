"use strict";
// A live page asks its server for the data again and again, until there is no more to come. What is
// chosen, open, scrolled and focused stays.

canopy.goLive = () => {
  const {state} = canopy;
  const button = document.getElementById("live"), home = document.getElementById("home");
  let paused = false, waiting = null;
  if (state.options.home_url) {
    home.href = state.options.home_url;
    home.hidden = false;
  }
  if (state.options.home_url || state.options.data_url)
    document.getElementById("alone").hidden = true;
  if (!state.options.data_url) return;

  function tell(how, text, about) {
    button.hidden = false;
    button.className = how;
    button.textContent = text;
    button.title = about;
  }
  const tellNow = () => paused ? tell("paused", "Paused", "Nothing is asked for. Go on") :
                                 tell("live", "Live", "Kept up to date. Pause");

  // Things without a name of their own, by their place on the page.
  function places() {
    const all = (query) => [...document.querySelectorAll("main " + query)];
    const open = all("details").map((node) => node.open);
    const scrolled = all(".scroll").map((node) => [node.scrollLeft, node.scrollTop]);
    const focused = document.activeElement?.id, top = scrollY;
    return () => {
      all("details").forEach((node, i) => node.open = open[i] ?? false);
      all(".scroll").forEach(
          (node, i) => [node.scrollLeft, node.scrollTop] = scrolled[i] ?? [0, 0]);
      if (focused) document.getElementById(focused)?.focus({preventScroll: true});
      scrollTo({top, behavior: "instant"});
    };
  }

  async function refresh() {
    waiting = null;
    try {
      const answer = await fetch(state.options.data_url, {cache: "no-store"});
      if (paused) return;
      if (answer.status === 200) {
        const data = await answer.json(), restore = places();
        state.options = data.options;
        canopy.show(data);
        restore();
      }
      if (answer.status === 404)
        tell("away", "Gone", "The run is no longer there");
      else if (!answer.ok)  // what is shown is what was read before
        tell("away", "Unreadable", (await answer.text()).split("\n")[0]);
      else
        tellNow();
    } catch {  // what is shown stays
      tell("away", "No answer", "The server does not answer; it is asked again");
    }
    if (state.options.data_url) return wait();
    tell("ended", "Ended", "The run has ended: nothing more is asked for");
    button.disabled = true;
  }
  function wait() {
    if (!paused && waiting === null)
      waiting = setTimeout(refresh, 1000 * state.options.refresh_seconds);
  }
  button.addEventListener("click", () => {
    paused = !paused;
    tellNow();
    clearTimeout(waiting);
    waiting = null;
    if (!paused) refresh();
  });
  tellNow();
  wait();
};
