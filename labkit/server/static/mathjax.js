// Formulas reach the page as MathML, so there is nothing to typeset. Voilà's page insists on asking
// a MathJax for it; this one answers, and no script is fetched from elsewhere.
window.MathJax = { Hub: { Config() {}, Configured() {}, Queue() {}, Register: { StartupHook() {} } } };
