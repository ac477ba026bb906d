// Wakes the live figures of a page: each is mounted when it comes near the window, once.

import figure from "./figure.mjs";

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      figure.render({ el: target });
    }
  },
  { rootMargin: "400px" },
);

for (const el of document.querySelectorAll("figure.optlib-live")) near.observe(el);
