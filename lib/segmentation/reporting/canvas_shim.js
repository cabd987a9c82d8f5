"use strict";
// Plotly reads a canvas back to measure letters; unless told so when it is made, Chromium warns.
(() => {
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    const told = kind === "2d" ? { ...options, willReadFrequently: true } : options;
    return getContext.call(this, kind, told);
  };
})();
