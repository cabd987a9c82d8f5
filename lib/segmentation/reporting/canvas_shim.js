"use strict";
// Plotly reads a canvas back to measure text; Chromium warns unless that is declared at creation.
(() => {
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    const settings = kind === "2d" ? { ...options, willReadFrequently: true } : options;
    return getContext.call(this, kind, settings);
  };
})();
