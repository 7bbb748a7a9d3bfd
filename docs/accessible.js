// Code and tables that scroll can be reached by the keyboard, so that the arrow keys move them.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) box.tabIndex = 0;
});
