/** Colours of people in STYLE, --p0 and so on. */
const COLOURS = 10;

/**
 * The colour of a person by place in the list; those past the palette share a grey. A CSS variable of the page, so that
 * one drawing serves light and dark.
 */
export function colourOf(place: number): string {
  return place < COLOURS ? `var(--p${place})` : 'var(--other)';
}

/** The look of a report: system fonts, light and dark by the reader's setting, one column on a phone. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1d1d1f;--soft:#5f6068;--line:#e3e3df;--warn-bg:#fff6e0;--warn:#7a4b00;
--p0:#2f6fde;--p1:#d9541e;--p2:#1d9a6c;--p3:#a04bc9;--p4:#c79200;--p5:#0e93ad;--p6:#d03f78;--p7:#6b8e23;--p8:#7c6cf0;--p9:#9c5a3c;--other:#8b8d96;--shot-a:#b9bbc4;--shot-b:#dcdde2}
@media (prefers-color-scheme:dark){:root{--bg:#131316;--card:#1d1d21;--ink:#ececf0;--soft:#a2a3ad;--line:#33343a;--warn-bg:#33290f;--warn:#f3c969;
--p0:#6ea0ff;--p1:#ff8a57;--p2:#46c796;--p3:#c986ee;--p4:#e8bb3f;--p5:#45bfd8;--p6:#f377a6;--p7:#a3c45a;--p8:#a79bff;--p9:#cf8f70;--other:#8b8d96;--shot-a:#5b5d68;--shot-b:#3b3c44}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:1.9rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:0 0 12px}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
p{margin:0 0 10px}
.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:22px 0;padding:0;list-style:none}
.tiles li,section{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tiles li{padding:12px 16px}
.tiles b{display:block;font-size:1.45rem;line-height:1.25;font-variant-numeric:tabular-nums}
.tiles span{color:var(--soft);font-size:.86rem}
section{padding:20px;margin:0 0 18px}
section.warn{background:var(--warn-bg);border-color:transparent}
section.warn h2{color:var(--warn)}
section.warn ul{margin:0;padding-left:20px}
.scroll{overflow-x:auto}
.chart svg{display:block;width:100%;height:auto}
.totals svg{max-width:640px}
.timeline svg{min-width:680px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.94rem}
th,td{padding:7px 12px 7px 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:.84rem}
th:first-child,td:first-child,table.facts td{text-align:left}
tr:last-child td,tr:last-child th{border-bottom:0}
tbody th{color:var(--ink);font-size:inherit;white-space:normal;overflow-wrap:anywhere;min-width:9.5em}
table.facts td{white-space:normal;overflow-wrap:anywhere}
table.facts th{width:1%;min-width:8.5em;padding-right:24px;vertical-align:top;color:var(--soft);font-weight:400}
.dot{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.5em;background:var(--other)}
.people{display:grid;gap:22px}
.person{border-top:1px solid var(--line);padding-top:16px}
.person:first-child{border-top:0;padding-top:0}
.faces{display:grid;grid-template-columns:repeat(auto-fill,minmax(72px,1fr));gap:8px;margin:10px 0 0;padding:0;list-style:none}
.faces figure{margin:0}
.faces img{display:block;width:100%;height:auto;aspect-ratio:1;object-fit:cover;border-radius:8px;background:var(--line)}
.faces figcaption{font-size:.74rem;color:var(--soft);line-height:1.35;margin-top:3px;min-height:1.35em}
.flag{color:var(--warn)}
details{margin-top:12px}
summary{cursor:pointer;color:var(--soft)}
footer{max-width:1080px;margin:0 auto;padding:4px 20px 40px;color:var(--soft);font-size:.86rem}
@media (max-width:560px){header{padding-top:22px}h1{font-size:1.45rem}main,header{padding-left:12px;padding-right:12px}section{padding:14px}
.faces{grid-template-columns:repeat(4,1fr)}.tiles{grid-template-columns:repeat(2,1fr);gap:8px}}
@media print{body{background:#fff}section{break-inside:avoid}}
`;
