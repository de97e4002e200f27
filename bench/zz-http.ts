
import { openStage, settingsOf } from './stage.ts';
import { takeSamples } from './figures/statements.ts';
import { startFloors } from './figures/over-http.ts';
import { HISTORY } from './documents.ts';
import { tokenOf } from './measuring/operation.ts';
import { answersPerSecond, forSeconds, wireRequest } from './measuring/wire.ts';
import { spawn } from 'node:child_process'; import { openSync, readFileSync, readdirSync } from 'node:fs'; import { setTimeout as delay } from 'node:timers/promises'; import { once } from 'node:events';
const stage = await openStage({ people: 20, times: 10, rounds: 1, secondsOfRound: 1, codes: 1000 });
const {samples}=await takeSamples(stage); await stage.restock();
const prof=process.argv[2]==='prof';
const env:any={PATH:process.env.PATH,PORT:'0',...settingsOf(stage.dataDir),...(process.argv[3]?JSON.parse(process.argv[3]):{})}; if(prof) env.NODE_OPTIONS='--cpu-prof --cpu-prof-interval=250 --cpu-prof-dir=/tmp/perf/prof';
const log=stage.dataDir+'/s.log'; const fd=openSync(log,'w');
const child=spawn(process.execPath,['/work/main/dist/main.js'],{cwd:stage.dataDir,env,stdio:['ignore',fd,'inherit']}); let url:any; while(!(url=/GraphQL +(\S+)\/graphql/.exec(readFileSync(log,'utf8'))?.[1])) await delay(50);
if(prof) process.env.NODE_OPTIONS='--cpu-prof --cpu-prof-interval=250 --cpu-prof-dir=/tmp/perf/prof2';
const bare=await startFloors(stage,samples);
const headers={authorization:`Bearer ${await tokenOf(stage.app,samples.history.person)}`};
const req=wireRequest({path:'/graphql',body:{query:HISTORY},headers}), req2=wireRequest({path:'/history',body:{query:HISTORY},headers});
const cpu=(pid:number)=>{const s=readFileSync(`/proc/${pid}/stat`,'utf8');const f=s.slice(s.lastIndexOf(')')+2).split(' ');return (+f[11]!+ +f[12]!)*10}; let opsOf:any={};
const tot:any={};
const go=async(n:string,u:string,r:Buffer,pid:number,secs=2,count=true)=>{const c=cpu(pid);const q=await answersPerSecond(u,16,forSeconds(secs,r));const ops=q*secs; opsOf[n]=ops;const per=(cpu(pid)-c)/ops; if(count)(tot[n]??=[]).push([q,per]);};
await go('ours',url,req,child.pid!,4,false);await go('apollo',bare.url,req,bare.pid,4,false);await go('route',bare.url,req2,bare.pid,2,false);
for(let k=0;k<(prof?1:6);k++){ await go('ours',url,req,child.pid!,prof?6:1.5); await go('apollo',bare.url,req,bare.pid,prof?6:1.5); if(!prof) await go('route',bare.url,req2,bare.pid,1.5); }
const med=(v:number[])=>v.toSorted((a,b)=>a-b)[v.length>>1]!; for(const n in tot) console.log(n.padEnd(7),med(tot[n].map((x:any)=>x[0])).toFixed(0)+'/s','cpu/op',med(tot[n].map((x:any)=>x[1])).toFixed(3)); console.log('ratio rate',(med(tot.ours.map((x:any)=>x[0]))/med(tot.apollo.map((x:any)=>x[0]))).toFixed(3),'cpu',(med(tot.apollo.map((x:any)=>x[1]))/med(tot.ours.map((x:any)=>x[1]))).toFixed(3));
await bare.close(); child.kill('SIGTERM'); await once(child,'exit'); await stage.close();
if(prof) for (const [n,dir] of [['ours','/tmp/perf/prof'],['apollo','/tmp/perf/prof2']] as const) { const f=readdirSync(dir).map(x=>dir+'/'+x).sort((a,b)=>a<b?-1:1).pop()!; const profile=JSON.parse(readFileSync(f,'utf8')); const self=new Map<string,number>(); const byFile=new Map<string,number>(); const dt=profile.timeDeltas!; const nodes=new Map<number,any>(profile.nodes.map((n:any)=>[n.id,n])); let total=0; const ops=opsOf[n];
let tacc=0; const end=dt.reduce((a:number,b:number)=>a+b,0); const loadEnd=end-(n==='ours'?6.3e6:0.05e6), loadStart=loadEnd-6e6;
profile.samples!.forEach((id:number,i:number)=>{tacc+=dt[i]!; if(tacc<loadStart||tacc>loadEnd)return; const nn=nodes.get(id)!; const fr=nn.callFrame; if(fr.functionName==='(idle)')return; const key=`${fr.functionName||'(anon)'} ${fr.url.split('/node_modules/').pop()!.split('/').slice(-3).join('/')}:${fr.lineNumber}`; self.set(key,(self.get(key)??0)+dt[i]!); const m=/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(fr.url)?.[1] ?? (/dist\/|bench/.test(fr.url)?'OURS':fr.url||fr.functionName); byFile.set(m,(byFile.get(m)??0)+dt[i]!); total+=dt[i]!});
const top=(m:Map<string,number>,k:number)=>[...m].sort((a,b)=>b[1]-a[1]).slice(0,k).map(([k,v])=>(v/ops).toFixed(1)+'us '+k).join('\n');
console.log('=== '+n,(total/ops).toFixed(0)+'us per op active'); console.log(top(byFile,45)); console.log(); console.log(top(self,40));}
