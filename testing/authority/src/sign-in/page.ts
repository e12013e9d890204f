/** Escapes text for use between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A whole page without script and external files. `content` is HTML. */
export function renderPage(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<p class="brand">Test account</p>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
<footer>A stand-in for Microsoft&#39;s sign-in, on this machine only. Don&#39;t type a real password.</footer>
</body>
</html>
`;
}

/** An alert, which a screen reader announces. Empty without a message. */
export function renderAlert(message: string | undefined): string {
  return message ? `<p class="alert" role="alert">${escapeHtml(message)}</p>` : '';
}

const style = `
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; gap: 1rem; font: 1rem/1.5 "Segoe UI", system-ui, sans-serif; }
main { box-sizing: border-box; width: min(27.5rem, 100vw); padding: 2.75rem; border: 1px solid #8886; box-shadow: 0 2px 6px #0003; overflow-wrap: anywhere; }
h1 { margin: 1rem 0; font-size: 1.5rem; font-weight: 600; }
label { display: block; margin-top: 1rem; }
input { box-sizing: border-box; width: 100%; padding: .4rem; font: inherit; }
menu { display: flex; justify-content: flex-end; gap: .5rem; margin: 1.5rem 0 0; padding: 0; }
button { min-width: 7rem; padding: .4rem .8rem; border: 1px solid #0000; font: inherit; cursor: pointer; }
button[value=accept] { background: #005a9e; color: #fff; }
.account { width: 100%; margin-bottom: .5rem; text-align: left; }
.brand { margin: 0; opacity: .8; }
.alert { padding: .5rem; border-left: 4px solid #c50f1f; }
footer { width: min(27.5rem, 100vw); font-size: .8rem; text-align: center; opacity: .8; }`;
