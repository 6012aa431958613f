/* The styles of a report. Colours are named once, for light and for dark; paper is light. Curves
 * are told apart by colours that differ in lightness, too. */
#include "train-report-private.h"

#define SEG_TRAIN_REPORT_LIGHT                                                                     \
  "--page:#fbfbfa;--card:#fff;--ink:#1c1e21;--muted:#6a6f76;--line:#e2e4e7;--track:#eceef1;"       \
  "--c0:#2a6fdb;--c1:#e0702a;--c2:#1f9d78;--c3:#8a57c9;--right:42,111,219;--wrong:224,96,32;"      \
  "--strong:#fff;color-scheme:light"

#define SEG_TRAIN_REPORT_DARK                                                                      \
  "--page:#15171a;--card:#1d2024;--ink:#e7e9ec;--muted:#9aa1a9;--line:#33383e;--track:#2b3036;"    \
  "--c0:#6ea3f2;--c1:#f0975c;--c2:#54c9a3;--c3:#b996ea;--right:84,142,232;--wrong:230,116,58;"     \
  "--strong:#fff;color-scheme:dark"

const char _seg_train_report_style[] =
    ":root{" SEG_TRAIN_REPORT_LIGHT "}\n"
    "@media screen and (prefers-color-scheme:dark){:root{" SEG_TRAIN_REPORT_DARK "}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:1180px;background:var(--page);"
    "color:var(--ink);font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:0;overflow-wrap:anywhere}\n"
    "h2{font-size:1.15rem;margin:2.6rem 0 .9rem}\n"
    "h3{font-size:1rem;margin:0;overflow-wrap:anywhere}\n"
    "h3 span{font-weight:400;color:var(--muted);margin-left:.5em}\n"
    "p{margin:.3rem 0}.muted{color:var(--muted)}\n"
    "figure{margin:0}figcaption{color:var(--muted);font-size:.85rem}\n"
    /* numbers to begin with */
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.8rem;"
    "margin-top:1.5rem}\n"
    ".tiles div,.chart,.facts section,.sample{background:var(--card);border:1px solid var(--line);"
    "border-radius:8px;padding:.9rem 1.1rem}\n"
    ".tiles b{display:block;font-size:1.65rem;font-weight:600;line-height:1.25}\n"
    ".tiles span{color:var(--muted);font-size:.85rem}\n"
    /* curves */
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));"
    "gap:.8rem}\n"
    ".chart figcaption{color:var(--ink);font-size:1rem;font-weight:600}\n"
    ".chart svg{display:block;width:100%}\n"
    ".legend{font-size:.85rem;color:var(--muted)}.legend span{margin-right:1.1em;white-space:"
    "nowrap}.legend b{color:var(--ink);font-weight:600}\n"
    ".legend i{display:inline-block;width:1.1em;height:3px;border-radius:2px;margin-right:.45em;"
    "vertical-align:.22em;background:var(--c)}\n"
    ".s0{--c:var(--c0)}.s1{--c:var(--c1)}.s2{--c:var(--c2)}.s3{--c:var(--c3)}\n"
    "svg text{fill:var(--muted);font:12px system-ui,sans-serif}\n"
    ".grid,.axis{stroke:var(--line);stroke-width:1}.axis{stroke:var(--muted)}\n"
    ".mark{stroke:var(--muted);stroke-width:1;stroke-dasharray:3 3}\n"
    "polyline{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}\n"
    "circle{fill:var(--c)}circle:hover{stroke:var(--c);stroke-width:4}\n"
    ".spark{width:96px;height:20px;display:block}.spark polyline{stroke-width:1.5}\n"
    /* tables */
    ".wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px;"
    "padding:.4rem 1.1rem}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th{font-weight:600;text-align:left}thead th{color:var(--muted);font-weight:400;font-size:"
    ".85rem}\n"
    "th,td{padding:.42rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}\n"
    "tbody tr:last-child>*{border-bottom:0}\n"
    ".classes td,.classes thead th:not(:first-child){text-align:right}.classes .none{color:"
    "var(--muted)}\n"
    ".classes td .spark{margin-left:auto}\n"
    ".mean th,.mean td{color:var(--muted)}\n"
    ".swatch{display:inline-block;width:.85em;height:.85em;border-radius:3px;margin-right:.6em;"
    "vertical-align:-.08em;box-shadow:0 0 0 1px var(--line)}\n"
    ".bar{position:relative;min-width:120px}.bar>i{position:absolute;left:.6rem;right:4.4rem;"
    "top:50%;height:6px;margin-top:-3px;border-radius:3px;background:var(--track)}"
    ".bar i i{display:block;height:100%;border-radius:3px;background:var(--c0)}\n"
    ".bar b{font-weight:600}\n"
    ".confusion{width:auto}.confusion td{text-align:center;min-width:4.6em;border:2px solid "
    "var(--card);border-radius:6px;padding:.5rem}\n"
    ".confusion thead th{text-align:center}.confusion tbody th{border:0}\n"
    ".confusion small{display:block;font-size:.72rem;opacity:.75}\n"
    ".confusion .right{background:rgba(var(--right),var(--a))}\n"
    ".confusion .wrong{background:rgba(var(--wrong),var(--a))}\n"
    ".confusion .strong{color:var(--strong)}\n"
    ".dense td{min-width:2.9em;padding:.2rem;font-size:.8rem}\n"
    ".dense thead th{height:8em;vertical-align:bottom}.dense thead span{writing-mode:vertical-rl;"
    "transform:rotate(180deg)}\n"
    /* pictures */
    ".sample{margin-bottom:.8rem}\n"
    ".pictures{display:grid;grid-template-columns:repeat(4,1fr);gap:.8rem;margin-top:.7rem}\n"
    ".pictures img{display:block;width:100%;border-radius:4px;background:var(--track)}\n"
    ".pictures .small{image-rendering:pixelated}\n"
    ".key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:0 0 .8rem;font-size:.85rem}\n"
    "@media (max-width:700px){.pictures{grid-template-columns:repeat(2,1fr)}}\n"
    /* facts */
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));"
    "gap:.8rem}\n"
    "dl{display:grid;grid-template-columns:minmax(6em,auto) 1fr;gap:.25rem 1.2rem;"
    "margin:.6rem 0 0}\n"
    "dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}\n"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.1rem;"
    "overflow-x:auto;font:13px/1.5 ui-monospace,monospace}\n"
    "footer{margin-top:3rem;color:var(--muted);font-size:.85rem}\n"
    /* paper */
    "@media print{body{max-width:none;padding:0;font-size:11px;background:#fff}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".chart,.sample,.facts section,tr,.key{break-inside:avoid}h2,h2+p{break-after:avoid}"
    ".tiles{grid-template-columns:repeat(6,1fr)}"
    ".charts{grid-template-columns:1fr 1fr}.wide{overflow:visible}pre{white-space:pre-wrap}}\n";
